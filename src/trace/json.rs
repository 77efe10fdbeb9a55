//! Writes events as JSON (RFC 8259).

use core::fmt::Write as _;

use super::Event;
use super::fields::Value;
use crate::time::Instant;

/// Appends `event` as one JSON object, `{"time":…,"name":…,"data":{…}}`: the time in milliseconds, bytes as lower-case
/// hexadecimal.
pub fn write_event(out: &mut String, at: Instant, event: &Event<'_>) {
    begin_event(out, at, event.name());
    let mut first = true;
    event.fields(&mut |name, value| {
        write_member(out, &mut first, name, &value);
    });
    end_event(out);
}

/// Appends what stands before the data of an event.
pub(super) fn begin_event(out: &mut String, at: Instant, name: &str) {
    out.push_str("{\"time\":");
    write_millis(out, at.as_micros());
    out.push_str(",\"name\":");
    write_string(out, name);
    out.push_str(",\"data\":{");
}

/// Appends what stands behind the data of an event.
pub(super) fn end_event(out: &mut String) {
    out.push_str("}}");
}

/// Appends one member of an object, with a comma before it unless it is the first.
pub(super) fn write_member(out: &mut String, first: &mut bool, name: &str, value: &Value<'_>) {
    if !core::mem::take(first) {
        out.push(',');
    }
    write_string(out, name);
    out.push(':');
    write_value(out, value);
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// Appends `bytes` in lower-case hexadecimal.
pub fn write_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

/// Appends a time of `micros` microseconds in milliseconds, without superfluous zeros.
pub(super) fn write_millis(out: &mut String, micros: u64) {
    let _ = match micros % 1000 {
        0 => write!(out, "{}", micros / 1000),
        fraction => write!(out, "{}.{}", micros / 1000, format!("{fraction:03}").trim_end_matches('0')),
    };
}

fn write_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Millis { micros } => write_millis(out, *micros),
        Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Text(text) => write_string(out, text),
        Value::Bytes(bytes) => {
            out.push('"');
            write_hex(out, bytes);
            out.push('"');
        }
        Value::Records(records) => {
            out.push('[');
            for (index, record) in records.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ =
                    write!(out, "{comma}{{\"epoch\":{},\"sequence_number\":{}}}", record.epoch, record.sequence_number);
            }
            out.push(']');
        }
        Value::Null => out.push_str("null"),
    }
}
