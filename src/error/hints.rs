//! What can be done about errors of the server.

/// What to do where Citus has refused rows that are right together.
pub(crate) const AFTER_EACH_PART: &str = "Citus checks foreign keys after each part of a commit, and not at its end: \
     rows that are right together, and not one after the other, need a foreign key that is deferred, or two commits";

/// Returns what can be done about an error of the server, where the server's own words do not say
/// so.
pub(super) fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "27000" => {
            "a trigger that runs before a row changes another row that the same statement changes; an \
             AFTER trigger can do that"
        }
        "0A000" => {
            "the server cannot run this statement for this table, as for a view that is not updatable, \
             or a rule that does something instead"
        }
        "55P03" => {
            "another transaction has locked it: try again later, or leave out what is locked with \
             `skip_locked`"
        }
        "08000" | "08001" | "08003" | "08004" | "08006" => {
            "the server that was asked is there, and another one that it needs is not, such as a worker of \
             Citus; `SELECT * FROM citus_check_cluster_node_health()` finds the one"
        }
        "25006" => "this is a standby or a read-only transaction: write on the primary",
        "42P05" => {
            "a pooler shares sessions between programs whose prepared statements have the same names: \
             set its `max_prepared_statements`, or take a strategy that prepares nothing, such as \
             `Unnest`"
        }
        "54000" | "54001" | "54011" | "54023" => {
            "the statement is too large for the server: write fewer rows in one commit, or take a \
             strategy of several statements, such as `Copy`"
        }
        "42P18" | "42P08" | "42725" => {
            "a string that is bound takes its type from where it stands: write `$1::text`, or the \
             type that it has"
        }
        "42883" => {
            "a column may have another type in the database than the model says: `Verify` compares them"
        }
        _ => return None,
    })
}
