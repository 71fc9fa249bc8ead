//! `models` as a program.

use super::common::Schema;
use super::{complaint, program, run};

#[test]
fn models_of_a_schema_go_to_standard_output() {
    let tables = "CREATE TABLE users (id serial PRIMARY KEY, born date); CREATE TABLE logs (id int PRIMARY KEY)";
    let schema = Schema::new("models_program", tables);
    let schema_option = ["--schema", schema.name()];
    let output = run(program("models").args(schema_option));
    assert!(
        output.contains("pub struct Users {") && output.contains("pub struct Logs {"),
        "{output}"
    );
    assert!(output.contains("Option<time::Date>"), "{output}");
    let options = ["--table", "users", "--time", "jiff", "--without", "uuid"];
    let output = run(program("models").args(schema_option).args(options));
    assert!(output.contains("Option<jiff::civil::Date>") && !output.contains("Logs"), "{output}");
    let output = run(program("models").args(schema_option).args(["--time", "none"]));
    assert!(output.contains("Option<String>"), "{output}");
}

#[test]
fn what_is_wrong_goes_to_standard_error() {
    assert!(run(program("models").arg("--help")).contains("usage:"));
    for wrong in [&["--time", "clock"][..], &["--without", "time"], &["--schema"], &["users"]] {
        let complaint = complaint(program("models").args(wrong), 2);
        assert!(complaint.starts_with("onetrip-models: "), "{complaint}");
    }
    let nowhere = complaint(program("models").args(["--schema", "no such"]), 1);
    assert_eq!(nowhere, "onetrip-models: there is no schema \"no such\"\n");
    let unset = complaint(program("models").env_remove("DATABASE_URL"), 1);
    assert_eq!(unset, "onetrip-models: DATABASE_URL is not set\n");
}

#[test]
fn a_schema_without_tables_is_an_error_and_one_without_keys_is_none() {
    let empty = Schema::new("models_of_nothing", "SELECT 1");
    let output = program("models").args(["--schema", empty.name()]).output().expect("it runs");
    assert!(!output.status.success() && output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("there are no tables"), "{errors}");
    let keyless = Schema::new("models_without_keys", "CREATE TABLE notes (text text)");
    let printed = run(program("models").args(["--schema", keyless.name()]));
    assert!(printed.contains("notes"), "{printed}");
}
