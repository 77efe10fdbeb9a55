//! Fields as JSON (RFC 8259). The core has no dependency that could write it.

use core::fmt::Write;

use crate::inspect::Field;

/// Appends `field` to `out`.
pub(super) fn write(field: &Field, out: &mut String) {
    out.push_str("{\"name\":");
    write_text(&field.name, out);
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"start\":{},\"end\":{},\"value\":", field.range.start, field.range.end);
    write_text(&field.value, out);
    if let Some(note) = field.note {
        out.push_str(",\"note\":");
        write_text(note, out);
    }
    if !field.children.is_empty() {
        out.push_str(",\"children\":[");
        for (index, child) in field.children.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write(child, out);
        }
        out.push(']');
    }
    out.push('}');
}

/// Appends `text` as a JSON string (RFC 8259 §7).
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
