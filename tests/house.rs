//! The house keeps its order: dependencies between layers point downward only, and no file grows out of hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module of the crate may use, besides itself. A module that is not listed here has no layer yet, and fails.
const LAYERS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("codec", &["error"]),
    ("error", &["wire"]),
    ("wire", &["codec", "error"]),
    ("crypto", &["codec", "wire", "error", "time"]),
    ("ticket", &["codec", "wire", "crypto", "error", "time"]),
    ("config", &["codec", "wire", "crypto", "ticket", "error", "time"]),
    ("trace", &["codec", "wire", "crypto", "ticket", "error", "time"]),
    ("schedule", &["codec", "wire", "crypto", "transcript", "error", "time"]),
    ("transcript", &["codec", "wire", "crypto", "error", "time"]),
    ("identity", &["codec", "wire", "crypto", "error", "time", "config"]),
    ("record", &["codec", "wire", "crypto", "schedule", "error", "time", "config", "trace"]),
    ("flight", &["codec", "wire", "crypto", "record", "error", "time", "config", "trace"]),
    (
        "handshake",
        &[
            "codec",
            "wire",
            "crypto",
            "ticket",
            "schedule",
            "transcript",
            "identity",
            "record",
            "flight",
            "error",
            "time",
            "config",
            "trace",
        ],
    ),
    (
        "connection",
        &[
            "codec",
            "wire",
            "crypto",
            "ticket",
            "schedule",
            "transcript",
            "identity",
            "record",
            "flight",
            "handshake",
            "error",
            "time",
            "config",
            "trace",
            "sim",
        ],
    ),
    (
        "endpoint",
        &[
            "codec",
            "wire",
            "crypto",
            "ticket",
            "transcript",
            "identity",
            "record",
            "flight",
            "handshake",
            "connection",
            "error",
            "time",
            "config",
            "trace",
            "sim",
        ],
    ),
    (
        "wasm",
        &[
            "codec",
            "wire",
            "crypto",
            "ticket",
            "identity",
            "connection",
            "endpoint",
            "inspect",
            "sim",
            "error",
            "time",
            "config",
            "trace",
        ],
    ),
    // Both stand beside the tower: whoever dissects or simulates sees bytes and time, never the machine's insides.
    ("inspect", &["codec", "wire", "error"]),
    ("sim", &["time"]),
];

/// A file of more lines wants to be two.
const MOST_LINES: usize = 500;

#[test]
fn dependencies_point_downward() {
    let mut wrong = Vec::new();
    for file in sources() {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: the module {module} has no layer in tests/house.rs", file.display()));
            continue;
        };
        for used in uses(&fs::read_to_string(&file).unwrap()) {
            let is_layer = LAYERS.iter().any(|(name, _)| *name == used);
            if is_layer && used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {module} may not use {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_reader_holds() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn the_check_sees_every_form_of_use() {
    let text = "use crate::wire::{a, b};\nuse crate::{\n    codec::Reader,\n    time::{Instant, Duration}, error,\n};\n\
                fn f(x: crate::sim::Network) {}\n// use crate::endpoint;\n/// [`crate::connection`]\n";
    let found: Vec<_> = uses(text).into_iter().collect();
    assert_eq!(found, ["codec", "error", "sim", "time", "wire"]);
}

/// Every source file that is not a test of its module.
fn sources() -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "tests" {
                    visit(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem().unwrap() != "tests"
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    assert!(found.len() > 10, "only {} source files were found", found.len());
    found
}

/// The name of the top-level module that a file belongs to.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = Path::new(inside.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The top-level modules that the text names behind `crate::`, in code and not in comments. What stands in a
/// `#[cfg(test)] mod tests` at the end of a file is a test and may use anything.
fn uses(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => {
                found.insert(identifier(rest));
            }
            Some(group) => found.extend(top_level(group).map(|part| identifier(part.trim_start()))),
        }
    }
    found
}

/// The parts of a brace group, up to its closing brace, that commas of its own divide.
fn top_level(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let mut starts = vec![0];
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                starts.push(at + 1);
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    let ends: Vec<_> = starts.iter().skip(1).map(|end| end - 1).collect();
    let parts: Vec<_> = starts.iter().zip(ends).map(|(start, end)| &group[*start..end]).collect();
    parts.into_iter().filter(|part| !part.trim().is_empty())
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
