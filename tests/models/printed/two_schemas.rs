// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = "0.1"
//     postgres = "0.19"

use onetrip::{BoxError, BytesMut, ForeignKey, Model, ProblemKind, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(schema = "onetrip models away", table = "boxes")]
pub struct Boxes {
    #[model(key, sequence = "numbers")]
    pub id: Option<i32>,
    #[model(unique)]
    pub inner_box: ForeignKey<Boxes2>,
    #[model(sql_type("onetrip models away", "size"))]
    pub size: Size,
    pub other: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(schema = "onetrip models away", table = "crates")]
pub struct Crates {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub code: String,
}

// The foreign key labels_crate_fkey of (crate) to "onetrip models away".crates is left out: it refers to other columns than the key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(schema = "onetrip models away", table = "labels")]
pub struct Labels {
    #[model(key, sequence("onetrip_models_two_schemas", "here"))]
    pub id: Option<i64>,
    #[model(column = "box")]
    pub box_: ForeignKey<Boxes>,
    #[model(column = "crate")]
    pub crate_: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "boxes")]
pub struct Boxes2 {
    #[model(key, sequence("onetrip models away", "numbers"))]
    pub id: Option<i32>,
    #[model(sql_type("onetrip models away", "size"))]
    pub size: Size,
    #[model(sql_type("onetrip models away", "_size"))]
    pub sizes: Option<Vec<Size>>,
}

// The foreign key kept_left_out_fkey of (left_out) to left_out is left out: there is no model of that table here.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "kept")]
pub struct Kept {
    #[model(key)]
    pub id: Option<i32>,
    pub left_out: Option<i32>,
}

/// A value of the enum `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    Small,
    Large,
}

impl Value for Size {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Size::Small => "small",
            Size::Large => "large",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Size, BoxError> {
        match std::str::from_utf8(raw)? {
            "small" => Ok(Size::Small),
            "large" => Ok(Size::Large),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Boxes>()
        .model::<Crates>()
        .model::<Labels>()
        .model::<Boxes2>()
        .model::<Kept>()
        // No field says this one, so write the row that is referred to in a commit before.
        .accept(ProblemKind::UndeclaredForeignKey, "onetrip models away.labels.crate")
}
