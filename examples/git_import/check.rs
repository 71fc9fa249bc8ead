//! Reads back what was imported and compares it with what git says.

use std::fmt;

use postgres::Client;

use super::git::History;
use super::support::cli::{Failure, thousands};

/// Numbers of the database beside those of git.
pub(crate) struct Comparison {
    rows: Vec<(&'static str, usize, usize)>,
    absent_parents: usize,
    same_graph: bool,
}

impl Comparison {
    /// `changes` is the number of changed files in git's log.
    pub(crate) fn new(
        client: &mut Client,
        history: &History,
        changes: usize,
    ) -> Result<Comparison, Failure> {
        let row = client.query_typed_one(
            "SELECT (SELECT count(*) FROM onetrip_git.commits),
                    (SELECT count(*) FROM onetrip_git.authors),
                    (SELECT count(*) FROM onetrip_git.commit_parents),
                    (SELECT count(*) FROM onetrip_git.absent_parents),
                    (SELECT count(*) FROM onetrip_git.file_changes)",
            &[],
        )?;
        let mut counts = (0..row.len()).map(|column| usize::try_from(row.get::<_, i64>(column)));
        let mut count = || counts.next().unwrap_or(Ok(0));
        let (commits, authors, parents, absent_parents, file_changes) =
            (count()?, count()?, count()?, count()?, count()?);
        let mut expected_graph = history.parents()?;
        let expected_parents = expected_graph.iter().map(|line| line.split(' ').count() - 1).sum();
        let rows = vec![
            ("commits", usize::try_from(history.count()?)?, commits),
            ("parents", expected_parents, parents + absent_parents),
            ("authors", history.author_count()?, authors),
            ("file changes", changes, file_changes),
        ];
        let mut graph = graph(client)?;
        graph.sort_unstable();
        expected_graph.sort_unstable();
        Ok(Comparison { rows, absent_parents, same_graph: graph == expected_graph })
    }

    /// Whether the database has what git has.
    pub(crate) fn is_equal(&self) -> bool {
        self.same_graph && self.rows.iter().all(|(_, git, database)| git == database)
    }
}

/// The commits with their parents, in the form of `git rev-list --parents`.
fn graph(client: &mut Client) -> Result<Vec<String>, Failure> {
    let rows = client.query_typed(
        "SELECT concat_ws(' ', commits.sha, string_agg(parents.sha, ' ' ORDER BY position))
         FROM onetrip_git.commits LEFT JOIN (
             SELECT commit_id, position, sha
             FROM onetrip_git.commit_parents JOIN onetrip_git.commits ON id = parent_id
             UNION ALL
             SELECT commit_id, position, sha FROM onetrip_git.absent_parents
         ) AS parents ON commit_id = id
         GROUP BY commits.sha",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "                    git    database")?;
        for &(name, git, database) in &self.rows {
            let mark = if git == database { '✓' } else { '✗' };
            let (git, database) = (thousands(git), thousands(database));
            writeln!(f, "{name:<12}{git:>11}{database:>12}  {mark}")?;
        }
        if self.absent_parents > 0 {
            let absent = thousands(self.absent_parents);
            writeln!(f, "Parents that were not imported, in absent_parents: {absent}")?;
        }
        let outcome = if self.same_graph { "as" } else { "NOT as" };
        writeln!(f, "Every commit has its parents {outcome} git has them.")
    }
}
