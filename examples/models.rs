//! Prints models for the tables of the database that `DATABASE_URL` names.
//!
//! ```text
//! cargo run --example models -- --schema public
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    onetrip_models::cli::main()
}
