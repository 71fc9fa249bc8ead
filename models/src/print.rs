//! The text: models as Rust source.

use std::fmt::Write;

use crate::catalog::Table;
use crate::fields::{FieldText, ModelText};
use crate::names::{self, Names};
use crate::plan::Plan;

/// Returns the source of all models.
pub(crate) fn source(mut plan: Plan<'_>) -> String {
    let models: Vec<ModelText> =
        (0..plan.tables.len()).map(|index| ModelText::new(&mut plan, index)).collect();
    let mut text = head(&plan, &models);
    for (planned, model) in plan.tables.iter().zip(&models) {
        text.push('\n');
        text.push_str(&of_model(planned.table, &planned.struct_name, model));
    }
    let mut enums: Vec<_> = plan.types.enums.iter().collect();
    enums.sort_by_key(|(_, (name, _))| name);
    for (&oid, (name, is_key)) in enums {
        let ty = plan.types.ty(oid);
        text.push('\n');
        text.push_str(&of_enum(name, &ty.name, ty.comment.as_deref(), &ty.labels, *is_key));
    }
    for (&oid, (name, rust)) in &plan.types.newtypes {
        text.push('\n');
        text.push_str(&of_newtype(name, rust, &plan.types.ty(oid).name));
    }
    text.push('\n');
    text.push_str(&of_verify(&plan, &models));
    text
}

fn head(plan: &Plan<'_>, models: &[ModelText]) -> String {
    let mut text =
        "// Models, printed by onetrip-models. They are yours to change; `verify` at the \
                    end says where\n// they and a database differ.\n//\n// In Cargo.toml:\n//\n"
            .to_owned();
    let libraries = &plan.types.used_libraries;
    let features: Vec<_> = libraries.iter().map(|library| library.feature()).collect();
    match &features[..] {
        [] => text.push_str("//     onetrip = \"0.1\"\n"),
        _ => {
            let _ =
                writeln!(text, "//     onetrip = {{ version = \"0.1\", features = {features:?} }}");
        }
    }
    text.push_str("//     postgres = \"0.19\"\n");
    for library in libraries {
        let _ = writeln!(text, "//     {} = \"{}\"", library.name(), library.version());
    }
    let has_accepted = models.iter().any(|model| !model.accepted.is_empty());
    let has_references = models.iter().any(|model| model.is_model && model.has_references);
    let has_newtypes = !plan.types.newtypes.is_empty();
    let has_values = has_newtypes || !plan.types.enums.is_empty();
    let has_keys = has_newtypes || plan.types.enums.values().any(|(_, is_key)| *is_key);
    let imports = [
        (has_values, "BoxError"),
        (has_values, "BytesMut"),
        (has_references, "ForeignKey"),
        (has_keys, "KeyValue"),
        (models.iter().any(|model| model.is_model), "Model"),
        (has_accepted, "ProblemKind"),
        (has_values, "SqlType"),
        (has_values, "Value"),
        (true, "Verify"),
    ];
    let imports: Vec<_> = imports.iter().filter(|(is_used, _)| *is_used).map(|(_, n)| *n).collect();
    let _ = match &imports[..] {
        [only] => writeln!(text, "\nuse onetrip::{only};"),
        _ => writeln!(text, "\nuse onetrip::{{{}}};", imports.join(", ")),
    };
    text
}

fn of_model(table: &Table, struct_name: &str, model: &ModelText) -> String {
    let mut text = String::new();
    documentation(&mut text, "", table.comment.as_deref());
    for note in &model.notes {
        comment(&mut text, "", note);
    }
    text.push_str("#[derive(Debug, Clone, PartialEq, Model)]\n");
    let name = &table.name;
    let _ = match table.is_visible {
        true => writeln!(text, "#[model(table = {name:?})]"),
        false => writeln!(text, "#[model(schema = {:?}, table = {name:?})]", table.schema),
    };
    let _ = writeln!(text, "pub struct {struct_name} {{");
    for field in &model.fields {
        of_field(&mut text, field);
    }
    text.push_str("}\n");
    if model.is_model {
        return text;
    }
    // Without a key it is a proposal.
    let is_view = ["v", "m"].contains(&table.kind.as_str());
    let what = if is_view { "a view" } else { "a table" };
    let why = if is_view {
        "The database does not know what is unique in it."
    } else {
        "It has no primary key, and no unique index on columns that are NOT NULL."
    };
    let mut proposal = String::new();
    let full_name = one_line(&table.full_name());
    let _ = writeln!(proposal, "// {full_name} is {what} without a key. {why}");
    proposal.push_str("// To have a model of it, mark the fields that are its key:\n//\n");
    for line in text.lines() {
        let space = if line.is_empty() { "" } else { " " };
        let _ = writeln!(proposal, "//{space}{line}");
    }
    proposal
}

fn of_field(text: &mut String, field: &FieldText) {
    documentation(text, "    ", field.comment.as_deref());
    for note in &field.notes {
        comment(text, "    ", note);
    }
    if !field.attributes.is_empty() {
        let _ = writeln!(text, "    #[model({})]", field.attributes.join(", "));
    }
    let _ = writeln!(text, "    pub {}: {},", field.name, field.rust);
}

fn of_enum(
    name: &str,
    sql_name: &str,
    comment: Option<&str>,
    labels: &[String],
    is_key: bool,
) -> String {
    let mut names = Names::default();
    let variants: Vec<String> =
        labels.iter().map(|label| names.unique(names::of_variant(label), "")).collect();
    let mut text = String::new();
    match comment {
        Some(_) => documentation(&mut text, "", comment),
        None => {
            let sql_name = one_line(sql_name).replace('`', "'");
            let _ = writeln!(text, "/// A value of the enum `{sql_name}`.");
        }
    }
    if is_repetitive(name, &variants) {
        text.push_str("#[allow(clippy::enum_variant_names)]\n");
    }
    let _ =
        writeln!(text, "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\npub enum {name} {{");
    for variant in &variants {
        let _ = writeln!(text, "    {variant},");
    }
    let _ = write!(
        text,
        "}}

impl Value for {name} {{
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {{
        let label = match self {{
"
    );
    for (variant, label) in variants.iter().zip(labels) {
        let _ = writeln!(text, "            {name}::{variant} => {label:?},");
    }
    let _ = write!(
        text,
        "        }};
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }}

    fn decode(raw: &[u8]) -> Result<{name}, BoxError> {{
        match std::str::from_utf8(raw)? {{
"
    );
    for (variant, label) in variants.iter().zip(labels) {
        let _ = writeln!(text, "            {label:?} => Ok({name}::{variant}),");
    }
    let unknown = "a label that this program does not know";
    let _ = writeln!(text, "            _ => Err({unknown:?}.into()),\n        }}\n    }}\n}}");
    if is_key {
        let _ = writeln!(text, "\nimpl KeyValue for {name} {{}}");
    }
    text
}

/// Returns `true` where Clippy finds that names repeat themselves.
fn is_repetitive(name: &str, variants: &[String]) -> bool {
    let name = name.to_lowercase();
    let is_like = |variant: &String| {
        let variant = variant.to_lowercase();
        variant.starts_with(&name) || variant.ends_with(&name)
    };
    let first_word = |name: &String| -> String {
        let mut chars = name.chars();
        let first = chars.next();
        first.into_iter().chain(chars.take_while(|char| !char.is_uppercase())).collect()
    };
    let last_word = |name: &String| -> String {
        let start = name.rfind(char::is_uppercase).unwrap_or(0);
        name[start..].to_owned()
    };
    let all_have = |word: &dyn Fn(&String) -> String| {
        variants.len() >= 3 && variants.iter().all(|variant| word(variant) == word(&variants[0]))
    };
    variants.iter().any(is_like) || all_have(&first_word) || all_have(&last_word)
}

fn of_newtype(name: &str, rust: &str, sql_name: &str) -> String {
    let note = match sql_name.starts_with("time") {
        true => "\n///\n/// PostgreSQL keeps whole microseconds: give it no finer ones.",
        false => "",
    };
    format!(
        "/// A value of type `{sql_name}` that is a key, or part of one.{note}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct {name}(pub {rust});

impl Value for {name} {{
    const TYPE: SqlType = <{rust} as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {{
        self.0.encode(out)
    }}

    fn decode(raw: &[u8]) -> Result<{name}, BoxError> {{
        <{rust} as Value>::decode(raw).map({name})
    }}
}}

impl KeyValue for {name} {{}}
"
    )
}

fn of_verify(plan: &Plan<'_>, models: &[ModelText]) -> String {
    let mut text = "/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()\n"
        .to_owned();
    for (planned, _) in plan.tables.iter().zip(models).filter(|(_, model)| model.is_model) {
        let _ = writeln!(text, "        .model::<{}>()", planned.struct_name);
    }
    for name in models.iter().flat_map(|model| &model.accepted) {
        let _ = writeln!(
            text,
            "        // No field says this one, so write the row that is referred to in a commit before."
        );
        let _ = writeln!(text, "        .accept(ProblemKind::UndeclaredForeignKey, {name:?})");
    }
    text.push_str("}\n");
    text
}

// --- Comments ---

/// Writes what the database says as documentation that means the same.
fn documentation(text: &mut String, indent: &str, comment: Option<&str>) {
    let Some(comment) = comment else { return };
    let lines: Vec<String> = comment.lines().map(markdown).collect();
    let is_text = |line: &String| !line.is_empty();
    let (Some(first), Some(last)) =
        (lines.iter().position(is_text), lines.iter().rposition(is_text))
    else {
        return;
    };
    for line in &lines[first..=last] {
        let space = if line.is_empty() { "" } else { " " };
        let _ = writeln!(text, "{indent}///{space}{line}");
    }
}

/// Returns a line that Markdown shows as it is.
fn markdown(line: &str) -> String {
    let line = one_line(line);
    let mut escaped = String::new();
    for (index, char) in line.char_indices() {
        let is_first = index == 0 && "-+>#=~|".contains(char);
        // Such as `1.`, which would begin a list.
        let is_number = ".)".contains(char)
            && index > 0
            && line[..index].chars().all(|char| char.is_ascii_digit());
        if is_first || is_number || "\\`*_[]<&".contains(char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

fn comment(text: &mut String, indent: &str, note: &str) {
    let _ = writeln!(text, "{indent}// {}", one_line(note));
}

/// Returns the text in one line, without what has no place in a source.
fn one_line(text: &str) -> String {
    // Characters that turn the direction of what follows.
    let is_turning = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let text: String =
        text.chars().map(|c| if c.is_control() || is_turning(c) { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
