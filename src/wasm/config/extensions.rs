//! What the hellos carry beside suites and groups.

use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Config, named};
use crate::config::{CommonConfig, CustomExtension, ExtensionMessage, FixedExtension};
use crate::wire::registry::{AlertDescription, ExtensionType};

/// What was said about extensions.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    custom: Vec<DeclaredExtension>,
    grease: bool,
    permute: bool,
}

impl Extensions {
    pub(super) fn apply(&mut self, common: &mut CommonConfig) {
        common.custom_extensions = self.custom.drain(..).map(|it| Arc::new(it) as Arc<dyn CustomExtension>).collect();
        common.grease = self.grease;
        common.permute_extensions = self.permute;
    }
}

#[wasm_bindgen]
impl Config {
    /// Adds an extension that the library does not know; `required` refuses peers without it.
    #[wasm_bindgen(js_name = addExtension)]
    pub fn add_extension(&mut self, number: u16, required: bool) {
        let fixed = FixedExtension { extension_type: ExtensionType(number), data: Vec::new() };
        self.extensions.custom.push(DeclaredExtension { fixed, required });
    }

    /// Says what the extension that was added last says in a message.
    #[wasm_bindgen(js_name = setExtensionData)]
    pub fn set_extension_data(&mut self, message: &str, data: Vec<u8>) -> Result<(), String> {
        let message = named("customExtensions", message, &MESSAGES, |message| Some(message_name(message)))?;
        if let Some(extension) = self.extensions.custom.last_mut() {
            extension.fixed.data.push((message, data));
        }
        Ok(())
    }

    /// Offers values that mean nothing.
    #[wasm_bindgen(js_name = useGrease)]
    pub fn use_grease(&mut self) {
        self.extensions.grease = true;
    }

    /// Clients: orders extensions at random.
    #[wasm_bindgen(js_name = permuteExtensions)]
    pub fn permute_extensions(&mut self) {
        self.extensions.permute = true;
    }
}

/// An extension that says the same each time, and that a peer may have to have.
#[derive(Debug)]
struct DeclaredExtension {
    fixed: FixedExtension,
    required: bool,
}

impl CustomExtension for DeclaredExtension {
    fn extension_type(&self) -> ExtensionType {
        self.fixed.extension_type
    }

    fn send(&self, message: ExtensionMessage, asked: Option<&[u8]>) -> Option<Vec<u8>> {
        self.fixed.send(message, asked)
    }

    fn receive(&self, message: ExtensionMessage, data: Option<&[u8]>) -> Result<(), AlertDescription> {
        // The first word of each side about extensions that everybody may have.
        let first = matches!(message, ExtensionMessage::ClientHello | ExtensionMessage::EncryptedExtensions);
        if self.required && first && data.is_none() { Err(AlertDescription::MISSING_EXTENSION) } else { Ok(()) }
    }
}

const MESSAGES: [ExtensionMessage; 4] = [
    ExtensionMessage::ClientHello,
    ExtensionMessage::EncryptedExtensions,
    ExtensionMessage::CertificateRequest,
    ExtensionMessage::NewSessionTicket,
];

/// The name of a message, as `dtls:message` in the trace has it.
pub(in crate::wasm) const fn message_name(message: ExtensionMessage) -> &'static str {
    match message {
        ExtensionMessage::ClientHello => "client_hello",
        ExtensionMessage::EncryptedExtensions => "encrypted_extensions",
        ExtensionMessage::CertificateRequest => "certificate_request",
        ExtensionMessage::NewSessionTicket => "new_session_ticket",
    }
}
