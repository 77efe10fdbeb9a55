//! Custom extensions, in whichever message they stand.

use std::sync::Arc;

use crate::config::{CommonConfig, CustomExtension, ExtensionMessage, MAX_CUSTOM_EXTENSION_LEN};
use crate::error::{ApiMisuse, Error, PeerIncompatible, TaskFailure};
use crate::wire::extension::OtherExtension;
use crate::wire::grease;
use crate::wire::registry::ExtensionType;

/// A custom extension that the peer sent, and that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerExtension {
    /// Where it stood.
    pub message: ExtensionMessage,
    /// Its number.
    pub extension_type: ExtensionType,
    /// What it says.
    pub data: Vec<u8>,
}

/// What to write in `message`, which asks.
pub fn ask(custom: &[Arc<dyn CustomExtension>], message: ExtensionMessage) -> Result<Vec<OtherExtension>, Error> {
    custom.iter().filter_map(|extension| write(&**extension, message, None).transpose()).collect()
}

/// What to write in `message`, which answers those extensions that stood in `request`, a message of the peer's.
pub fn answer(
    custom: &[Arc<dyn CustomExtension>],
    message: ExtensionMessage,
    request: ExtensionMessage,
    asked: &[PeerExtension],
) -> Result<Vec<OtherExtension>, Error> {
    let answers = custom.iter().filter_map(|extension| {
        let number = extension.extension_type();
        let asked = asked.iter().find(|asked| asked.message == request && asked.extension_type == number)?;
        write(&**extension, message, Some(&asked.data)).transpose()
    });
    answers.collect()
}

/// Reads what stands in the peer's `message`, whose extensions without a field are `others`.
pub fn receive(
    custom: &[Arc<dyn CustomExtension>],
    message: ExtensionMessage,
    others: &[OtherExtension],
) -> Result<Vec<PeerExtension>, Error> {
    let mut received = Vec::new();
    for extension in custom {
        let extension_type = extension.extension_type();
        let data = others.iter().find(|other| other.extension_type == extension_type).map(|other| &other.data);
        extension
            .receive(message, data.map(Vec::as_slice))
            .map_err(|alert| PeerIncompatible::ExtensionRefused { extension_type, alert })?;
        received.extend(data.map(|data| PeerExtension { message, extension_type, data: data.clone() }));
    }
    Ok(received)
}

/// Two values that mean nothing, for a message of the server's, if there are to be any (RFC 8701 §4.1).
pub fn grease(config: &CommonConfig) -> Result<Option<[u16; 2]>, Error> {
    if !config.grease {
        return Ok(None);
    }
    let mut choices = [0; 2];
    config.provider.random.fill(&mut choices).map_err(|_| TaskFailure::NoRandomBytes)?;
    Ok(Some(choices.map(grease::value)))
}

fn write(
    extension: &dyn CustomExtension,
    message: ExtensionMessage,
    asked: Option<&[u8]>,
) -> Result<Option<OtherExtension>, Error> {
    match extension.send(message, asked) {
        Some(data) if data.len() > MAX_CUSTOM_EXTENSION_LEN => Err(Error::ApiMisuse(ApiMisuse::ExtensionTooLong)),
        Some(data) => Ok(Some(OtherExtension { extension_type: extension.extension_type(), data })),
        None => Ok(None),
    }
}
