//! Every fuzz target on every input that is kept for it.
#![cfg(all(feature = "inspect", feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used)]

use std::path::Path;

#[path = "support/fuzz_targets.rs"]
mod fuzz_targets;

#[test]
fn every_kept_input_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (name, run) in fuzz_targets::ALL {
        let mut count = 0;
        for entry in std::fs::read_dir(folder.join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            run(&std::fs::read(path).unwrap());
            count += 1;
        }
        assert!(count >= 10, "{name}: {count} inputs");
    }
}
