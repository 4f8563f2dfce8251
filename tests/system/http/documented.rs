//! README.md tells callers every code, and operators every limit.

use clap::CommandFactory;
use server::cli::Cli;
use server::http::Code;
use tests::generated::root;

#[test]
fn the_readme_tells_every_code_and_limit() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let mut missing: Vec<String> = (Code::ALL.iter())
        .map(|code| format!("`{}`", code.name()))
        .filter(|code| !readme.contains(code))
        .collect();
    let command = Cli::command();
    let options = command.get_arguments().filter_map(|it| it.get_long().zip(it.get_env()));
    let mut count = 0;
    for (option, variable) in options.filter(|(option, _)| option.starts_with("limit-")) {
        let expected = format!("RAILGRAPH_{}", option.to_uppercase().replace('-', "_"));
        assert_eq!(variable.to_string_lossy(), expected);
        count += 1;
        if !readme.contains(&format!("`--{option}`")) {
            missing.push(option.to_owned());
        }
    }
    assert!(count > 20, "{count} limits");
    assert!(missing.is_empty(), "README.md misses {}", missing.join(", "));
}
