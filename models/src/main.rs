//! Prints models for the tables of the database that `DATABASE_URL` names.

use std::process::ExitCode;

fn main() -> ExitCode {
    onetrip_models::cli::main()
}
