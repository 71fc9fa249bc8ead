//! `OwnText`: a statement that the caller wrote, what kind it is of, and how its rows are read.

use super::Sql;
use super::lexeme::{Lexeme, lexeme};
use super::text::keeps_type;
use crate::error::{Error, ErrorKind};
use crate::model::SqlType;

/// A statement that the caller wrote. It is read only as far as is needed to know what it begins with and
/// where its last part is. All else is the server's to understand.
#[derive(Debug)]
pub(crate) struct OwnText<'t> {
    /// The text without semicolons around it.
    text: &'t str,
    /// The words and signs of the text, and where they are.
    tokens: Vec<(usize, &'t str)>,
}

/// A statement that reads the rows of the caller's statement, and where its parts are, counted in
/// characters.
pub(crate) struct ReadAs {
    /// The statement.
    pub(crate) sql: Sql,
    /// The place at which the server finds out how many columns there are.
    count: usize,
    /// The places at which each column's type is looked at: where one begins, and the end of the last.
    columns: Vec<usize>,
    /// The types that the columns are read as.
    types: Vec<SqlType>,
}

/// What a statement returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    /// Rows of any types.
    Rows,
    /// What the server says of itself, which is text.
    Text,
    /// Nothing, or what can only be counted.
    Nothing,
}

/// The name of the caller's statement in that which reads its rows.
const RESULT: &str = "onetrip_result";

/// What a query begins with, and a statement that can return what it writes.
const READABLE: [&str; 8] =
    ["SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"];

impl<'t> OwnText<'t> {
    /// Reads the statement.
    pub(crate) fn new(text: &'t str) -> OwnText<'t> {
        let mut tokens = tokens(text);
        let is_sign = |token: &(usize, &str)| token.1 == ";";
        let start = tokens.iter().take_while(|token| is_sign(token)).count();
        tokens.drain(..start);
        let mut end = text.len();
        while let Some(&(at, _)) = tokens.last().filter(|token| is_sign(token)) {
            end = at;
            tokens.pop();
        }
        let start = tokens.first().map_or(end, |(at, _)| *at);
        let tokens = tokens.into_iter().map(|(at, token)| (at - start, token)).collect();
        OwnText { text: &text[start..end], tokens }
    }

    /// Makes sure that the statement neither ends the transaction nor is one that the driver cannot wait
    /// for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transaction`] for what begins or ends transactions and savepoints;
    /// [`ErrorKind::Unsupported`] for `COPY`, and where there is no statement.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let word = self.word(0).unwrap_or_default();
        let (kind, message, hint) = match &*word {
            "COMMIT" | "END" => (
                ErrorKind::Transaction,
                format!("{word} would end the transaction behind the unit of work's back"),
                "call `commit` of the unit of work",
            ),
            "ROLLBACK" | "ABORT" => (
                ErrorKind::Transaction,
                format!("{word} would end the transaction behind the unit of work's back"),
                "call `rollback` of the unit of work",
            ),
            "BEGIN" | "START" => (
                ErrorKind::Transaction,
                "the unit of work opens its transaction itself".to_owned(),
                "leave it out: your statement is in the transaction",
            ),
            "SAVEPOINT" | "RELEASE" => (
                ErrorKind::Transaction,
                "the unit of work sets its savepoints itself".to_owned(),
                "call `savepoint` of the unit of work",
            ),
            "PREPARE" if self.word(1).as_deref() == Some("TRANSACTION") => (
                ErrorKind::Transaction,
                "PREPARE TRANSACTION would end the transaction behind the unit of work's back"
                    .to_owned(),
                "prepare transactions without a unit of work",
            ),
            "COPY" => (
                ErrorKind::Unsupported,
                "COPY takes or gives data that a statement of this kind cannot carry".to_owned(),
                "add entities: many of them are written by COPY; or use the driver's `copy_in`",
            ),
            "" if self.tokens.is_empty() => (
                ErrorKind::Unsupported,
                "the text has no statement in it".to_owned(),
                "write one statement",
            ),
            _ => return Ok(()),
        };
        Err(Error::new(kind, message).with_hint(hint))
    }

    /// Returns what the statement returns.
    pub(crate) fn returns(&self) -> Returns {
        match self.word(0).as_deref() {
            Some("SHOW" | "EXPLAIN") => Returns::Text,
            Some(word) if READABLE.contains(&word) => Returns::Rows,
            _ if self.tokens.first().is_some_and(|(_, token)| *token == "(") => Returns::Rows,
            _ => Returns::Nothing,
        }
    }

    /// Returns the text without semicolons around it.
    pub(crate) fn as_str(&self) -> &str {
        self.text
    }

    /// Returns a statement that reads the rows of this one, so that the values come as these types.
    ///
    /// ```text
    /// WITH paid AS (SELECT …), "onetrip_result" AS (UPDATE … RETURNING id, note
    /// ) SELECT COALESCE(c1, NULL::int4), c2::text
    /// FROM (SELECT NULL, NULL WHERE false UNION ALL SELECT * FROM "onetrip_result") AS r(c1, c2)
    /// ```
    ///
    /// `rows_of_ones_own_are_read_as_what_they_are_to_be` pins the text. A type that is not built in never
    /// arrives: the driver would ask the server about it, while the rows wait to be read. What is read as
    /// text is cast to it, and a type that does not go with the one that it is read as is an error before
    /// the statement runs. The union makes it one, too, when there are more columns or fewer; the planner
    /// leaves the union out.
    pub(crate) fn read_as(&self, types: Vec<SqlType>) -> ReadAs {
        let main = self.main();
        let (mut sql, names) = (Sql::new(), 1..=types.len());
        sql.push(&self.text[..main]).push(if main == 0 { "WITH " } else { ", " });
        sql.name(RESULT).push(" AS (").push(&self.text[main..]).push("\n) SELECT ");
        let mut columns = Vec::with_capacity(types.len() + 1);
        for (at, &ty) in types.iter().enumerate() {
            sql.push(if at > 0 { ", " } else { "" });
            columns.push(chars(&sql));
            push_guarded(&mut sql, at + 1, ty);
        }
        columns.push(chars(&sql));
        sql.push(" FROM (SELECT ").list(names.clone(), |sql, _| {
            sql.push("NULL");
        });
        sql.push(" WHERE false UNION ALL SELECT ");
        let count = chars(&sql);
        sql.push("* FROM ").name(RESULT).push(") AS r(");
        sql.list(names, push_name).push(")");
        ReadAs { sql, count, columns, types }
    }

    /// Returns the word at this position, in capitals, if it is one.
    fn word(&self, at: usize) -> Option<String> {
        let (_, token) = self.tokens.get(at)?;
        let is_word = token.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        is_word.then(|| token.to_ascii_uppercase())
    }

    /// Returns where the statement begins that stands behind the queries of a `WITH`; 0 where there is no
    /// `WITH`.
    fn main(&self) -> usize {
        if self.word(0).as_deref() != Some("WITH") {
            return 0;
        }
        let (mut depth, mut before) = (0_usize, "");
        for (position, &(at, token)) in self.tokens.iter().enumerate() {
            let is_name = before == "," || ["WITH", "RECURSIVE"].contains(&&*before.to_uppercase());
            let is_start = match token {
                "(" => before == ")",
                _ => self.word(position).is_some_and(|word| READABLE.contains(&&*word)),
            };
            if depth == 0 && position > 0 && is_start && !is_name {
                return at;
            }
            match token {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = token;
        }
        0
    }
}

impl ReadAs {
    /// Says in an error of the server what it means for the one who has written the statement.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Some(at) = error.position() else { return error };
        let column = || self.columns.windows(2).position(|pair| (pair[0]..pair[1]).contains(&at));
        match error.sqlstate().map(|code| code.code()) {
            Some("42601") if at == self.count => {
                let message = match self.types.len() {
                    1 => "the statement does not return one column".to_owned(),
                    columns => format!("the statement does not return {columns} columns"),
                };
                Error::new(ErrorKind::Decode, message)
                    .with_source(error)
                    .with_hint("read rows as a tuple of as many values as there are columns")
            }
            Some("0A000") if at > self.count => {
                error.hinting("a statement that returns no rows is run by `execute`")
            }
            Some("42804" | "42846" | "42883") => match column() {
                Some(column) => {
                    wrong_type(error.with_kind(ErrorKind::Decode), column, self.types[column])
                }
                None => error,
            },
            _ => error,
        }
    }
}

/// Says in an error which column is read as a type that it does not have.
pub(crate) fn wrong_type(error: Error, column: usize, ty: SqlType) -> Error {
    error
        .while_doing(&format!("the result is read as {} there", ty.full_name()))
        .with_column((column + 1).to_string())
        .hinting("read it as the type that it has, or cast it in the statement, as in `::text`")
}

/// Appends a column, so that its value comes as a type that is built in; see
/// [`Sql::read_column`](super::Sql::read_column).
fn push_guarded(sql: &mut Sql, number: usize, ty: SqlType) {
    if ty.is_string() {
        push_name(sql, number);
        sql.cast(if ty.is_array() { SqlType::TEXT.array() } else { SqlType::TEXT });
    } else if keeps_type(ty) {
        sql.push("CASE WHEN ");
        push_name(sql, number);
        sql.push(" = NULL").cast(ty).push(" THEN NULL ELSE ");
        push_name(sql, number);
        sql.push(" END");
    } else {
        sql.push("COALESCE(");
        push_name(sql, number);
        sql.push(", NULL").cast(ty).push(")");
    }
}

/// Appends the name of a column.
fn push_name(sql: &mut Sql, number: usize) {
    sql.push("c").number(number);
}

/// Returns the number of characters of a text.
fn chars(sql: &Sql) -> usize {
    sql.as_str().chars().count()
}

/// Returns the words and signs of a text, without comments and white space. What is quoted is one sign.
fn tokens(sql: &str) -> Vec<(usize, &str)> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < sql.len() {
        let (lexeme, len) = lexeme(sql, at);
        if lexeme != Lexeme::Space {
            tokens.push((at, &sql[at..at + len]));
        }
        at += len;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<ErrorKind> {
        OwnText::new(text).check().err().map(|error| error.kind())
    }

    #[test]
    fn what_would_end_the_transaction_is_found_behind_comments_and_semicolons() {
        for text in [
            "COMMIT",
            "commit work",
            " \t\n\u{b}\u{c}End",
            ";;COMMIT",
            "/* a /* b */ */ -- c\n ; ROLLBACK TO SAVEPOINT onetrip_1",
            "abort;",
            "begin",
            "start transaction",
            "SAVEPOINT a",
            "release a",
            "Prepare /* x */ Transaction 'a'",
            "COMMIT/**/PREPARED 'a'",
            "commit;select 1",
        ] {
            assert_eq!(kind(text), Some(ErrorKind::Transaction), "{text}");
        }
        for text in ["COPY a FROM STDIN", "copy(select 1) to stdout", "", " ; -- x", "/* open"] {
            assert_eq!(kind(text), Some(ErrorKind::Unsupported), "{text}");
        }
        for text in ["committed", "PREPARE p AS SELECT 1", "\"commit\"", "SELECT 'COMMIT'", "ende"]
        {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_statement_returns_is_told_from_its_first_word() {
        for (text, expected) in [
            ("select 1", Returns::Rows),
            ("( SELECT 1)", Returns::Rows),
            ("/* a */ with x as (select 1) table x", Returns::Rows),
            ("merge into t using u on true when matched then delete", Returns::Rows),
            ("SHOW work_mem", Returns::Text),
            ("explain select 1", Returns::Text),
            ("FETCH 1 FROM c", Returns::Nothing),
            ("EXECUTE p", Returns::Nothing),
            ("LOCK TABLE t", Returns::Nothing),
        ] {
            assert_eq!(OwnText::new(text).returns(), expected, "{text}");
        }
    }

    #[test]
    fn the_statement_behind_a_with_is_found() {
        for (text, main) in [
            ("SELECT 1", "SELECT 1"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT * FROM a"),
            (
                "with recursive a(n) as (select 1 union select n + 1 from a) update t set n = 1",
                "update t set n = 1",
            ),
            (
                "WITH a AS MATERIALIZED (SELECT ')' AS x), b AS (DELETE FROM t) INSERT INTO u SELECT 1",
                "INSERT INTO u SELECT 1",
            ),
            ("WITH update AS (SELECT 1), values (n) AS (SELECT 1) (SELECT 1)", "(SELECT 1)"),
            ("WITH a AS (SELECT $$)$$ -- )\n /* ) */) TABLE a", "TABLE a"),
            ("WITH a AS (SELECT 1) SEARCH DEPTH FIRST BY x, y SET z SELECT 1", "SELECT 1"),
        ] {
            let own = OwnText::new(text);
            assert_eq!(&own.as_str()[own.main()..], main);
        }
    }

    #[test]
    fn rows_of_ones_own_are_read_as_what_they_are_to_be() {
        let types = vec![SqlType::INT4, SqlType::TEXT, SqlType::NUMERIC];
        let read = |text| OwnText::new(text).read_as(types.clone()).sql.as_str().to_owned();
        insta::assert_snapshot!(read("SELECT a, b, c FROM t -- d\n;;"), @r#"
        WITH "onetrip_result" AS (SELECT a, b, c FROM t -- d

        ) SELECT COALESCE(c1, NULL::"int4"), c2::"text", CASE WHEN c3 = NULL::"numeric" THEN NULL ELSE c3 END FROM (SELECT NULL, NULL, NULL WHERE false UNION ALL SELECT * FROM "onetrip_result") AS r(c1, c2, c3)
        "#);
        insta::assert_snapshot!(read("WITH x AS (SELECT 1) UPDATE t SET a = 1 RETURNING a, b, c"), @r#"
        WITH x AS (SELECT 1) , "onetrip_result" AS (UPDATE t SET a = 1 RETURNING a, b, c
        ) SELECT COALESCE(c1, NULL::"int4"), c2::"text", CASE WHEN c3 = NULL::"numeric" THEN NULL ELSE c3 END FROM (SELECT NULL, NULL, NULL WHERE false UNION ALL SELECT * FROM "onetrip_result") AS r(c1, c2, c3)
        "#);
    }
}
