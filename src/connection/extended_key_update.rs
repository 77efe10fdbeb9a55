//! Extended Key Update (draft-ietf-tls-extended-key-update). **Experimental.**

use super::{Connection, ConnectionState, ExportError, ExtendedKeyUpdateError};
use crate::time::Instant;

impl Connection {
    /// **Experimental.** Begins a fresh key agreement, after which both sides use keys that nobody knows who has only
    /// stolen the present ones (draft-ietf-tls-extended-key-update). Application data flows meanwhile.
    ///
    /// [`ExtendedKeyUpdated`](super::ConnectionEvent::ExtendedKeyUpdated) tells when it is over. If both sides begin at the
    /// same time, there is one update. An attacker who has the present keys and can change what is sent at this moment is
    /// not shut out by it, unless the client authenticates itself again afterwards
    /// ([`request_client_authentication`](Self::request_client_authentication)).
    ///
    /// # Errors
    /// Nothing was begun then; [`ExtendedKeyUpdateError`] says why.
    pub fn extended_key_update(&mut self, now: Instant) -> Result<(), ExtendedKeyUpdateError> {
        if self.state != ConnectionState::Connected {
            return Err(ExtendedKeyUpdateError::NotConnected);
        }
        let established = self.established.as_mut().ok_or(ExtendedKeyUpdateError::NotConnected)?;
        established.begin_extended_key_update()?;
        self.drive(now);
        Ok(())
    }

    /// **Experimental.** Derives keys for another use as
    /// [`export_keying_material`](Self::export_keying_material) does, but from a secret that each Extended Key Update
    /// renews. `epoch` is 3 after the handshake, and then that of
    /// [`ExtendedKeyUpdated`](super::ConnectionEvent::ExtendedKeyUpdated); the current one and the one before it are there.
    ///
    /// # Errors
    /// If Extended Key Update was not negotiated or there is no such epoch, or as the other exporter.
    pub fn export_keying_material_of_epoch(
        &self,
        epoch: u16,
        label: &str,
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        let established = self.established.as_ref().ok_or(ExportError::NotConnected)?;
        let updates = established.key_updates.as_ref().ok_or(ExportError::NoSuchEpoch { epoch })?;
        updates.exporter(epoch).ok_or(ExportError::NoSuchEpoch { epoch })?.export(label, context, out)
    }
}
