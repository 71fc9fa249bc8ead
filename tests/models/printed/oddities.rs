// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = { version = "0.1", features = ["with-rust_decimal-1", "with-serde_json-1", "with-time-0_3", "with-uuid-1"] }
//     postgres = "0.19"
//     rust_decimal = "1"
//     serde_json = "1"
//     time = "0.3"
//     uuid = "1"

use onetrip::{BoxError, BytesMut, ForeignKey, KeyValue, Model, ProblemKind, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = " ")]
pub struct Table {
    #[model(key)]
    pub id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "2 fast")]
pub struct Table2Fast {
    #[model(key, sequence = "All \"Ids\"")]
    pub id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Option")]
pub struct OptionRow {
    #[model(key)]
    pub id: Option<i32>,
    #[model(sql_type("onetrip_models_oddities", "Code (2)"))]
    pub ofs: Option<String>,
    pub model: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "String")]
pub struct StringRow {
    #[model(key, column = "Vec")]
    pub vec: Option<i32>,
    #[model(column = "Option")]
    pub option: Option<ForeignKey<OptionRow>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Type")]
pub struct Type {
    #[model(key)]
    pub id: Option<i32>,
    // The default 'a b''c'::text is not used, and `None` is NULL.
    pub select: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "a_table_whose_name_is_so_long_that_the_server_would_cut_it_at_6")]
pub struct ATableWhoseNameIsSoLongThatTheServerWouldCutItAt6 {
    #[model(key, column = "a_column_whose_name_is_so_long_that_the_server_would_cut_it_at_")]
    pub a_column_whose_name_is_so_long_that_the_server_would_cut_it_at: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "bill_lines")]
pub struct BillLines {
    #[model(key, column("tenant_id", "bill_id"))]
    pub bills: ForeignKey<Bills>,
    #[model(key)]
    pub line: i16,
    // The same column again, as it refers to another table.
    #[model(column = "tenant_id")]
    pub tenant_id_of_tenants: ForeignKey<Tenants>,
}

// The foreign key bills_tenant_name_fkey of (tenant_name) to tenants is left out: it refers to other columns than the key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "bills")]
pub struct Bills {
    #[model(key)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub id: Option<i64>,
    pub tenant_name: Option<String>,
    #[model(column("tenant_id", "client_id"))]
    pub client: ForeignKey<Clients>,
    #[model(column("tenant_id", "payer_id"))]
    pub payer: Option<ForeignKey<Clients>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_constant")]
pub struct ByConstant {
    // The default 'only'::text is not used.
    #[model(key)]
    pub t: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_day")]
pub struct ByDay {
    #[model(key)]
    pub day: time::Date,
    #[model(key)]
    pub number: Option<i32>,
    #[model(default)]
    pub counted: Option<i32>,
    #[model(generated)]
    pub always: Option<i64>,
    #[model(default)]
    pub serial: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_domain")]
pub struct ByDomain {
    #[model(key, sequence = "All \"Ids\"", sql_type = "positive")]
    pub id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_flag")]
pub struct ByFlag {
    #[model(key)]
    pub flag: BoolKey,
    #[model(key, sql_type = "kind")]
    pub kind: Kind,
    #[model(key)]
    pub amount: NumericKey,
    #[model(key)]
    pub at: TimeKey,
    #[model(key)]
    pub host: InetKey,
    #[model(key)]
    pub number: OidKey,
    pub day: time::Date,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_flag_2")]
pub struct ByFlag2 {
    #[model(key)]
    pub id: Option<i32>,
    #[model(column("flag", "kind", "amount", "at", "host", "number"))]
    pub by_flag: Option<ForeignKey<ByFlag>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_float")]
pub struct ByFloat {
    // A key as text, in the form that the server gives.
    #[model(key, sql_type = "float8")]
    pub f: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_list")]
pub struct ByList {
    // A key as text, in the form that the server gives.
    #[model(key, sql_type = "_int4")]
    pub l: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_moment")]
pub struct ByMoment {
    #[model(key)]
    pub at: TimestampKey,
    pub flag: bool,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_text")]
pub struct ByText {
    #[model(key, default = "md5((random())::text)")]
    pub t: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "chicken")]
pub struct Chicken {
    // The default nextval('chicken_id_seq'::regclass) is not used.
    #[model(key)]
    pub id: ForeignKey<Egg>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "clients")]
pub struct Clients {
    #[model(key, unique)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub id: Option<i64>,
    #[model(unique)]
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "days_kept")]
pub struct DaysKept {
    #[model(key)]
    pub place: i32,
    #[model(key, sql_type = "date")]
    pub day: ForeignKey<ByMoment>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "egg")]
pub struct Egg {
    #[model(key)]
    pub id: i32,
    // The same column again, as it refers to another table.
    #[model(column = "id")]
    pub id_of_chicken: ForeignKey<Chicken>,
}

// Unique, too: (a), by half_unique_a_key.
// Unique, too: (c), by half_unique_c_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "half_unique")]
pub struct HalfUnique {
    #[model(key)]
    pub b: i32,
    #[model(key)]
    pub c: i32,
    pub a: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "hours")]
pub struct Hours {
    #[model(key, sql_type = "timestamp")]
    pub at: TimestampKey,
    #[model(key)]
    pub number: i32,
    #[model(column("place", "at"))]
    pub place: Option<ForeignKey<DaysKept>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "itself")]
pub struct Itself {
    #[model(key)]
    pub id: i32,
    // The same column again, as it refers to another table.
    #[model(column = "id")]
    pub id_of_itself: ForeignKey<Itself>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "loose")]
pub struct Loose {
    #[model(key)]
    pub id: Option<i32>,
    pub tenant_id: i32,
    #[model(sql_type = "int2")]
    pub small_tenant: i32,
    #[model(column("small_tenant", "big_client"))]
    pub big_client: ForeignKey<Clients>,
    #[model(column("tenant_id", "client_id"))]
    pub client: Option<ForeignKey<Clients>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "model")]
pub struct ModelRow {
    #[model(key)]
    pub id: Option<i32>,
    pub option: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "mood")]
pub struct Mood {
    #[model(key)]
    pub id: Option<i32>,
    // The default 'self'::"my Mood" is not used.
    #[model(sql_type("onetrip_models_oddities", "my Mood"))]
    pub my_mood: MyMood,
    #[model(sql_type = "_kind")]
    pub kinds: Option<Vec<Kind>>,
    #[model(sql_type = "moods")]
    pub moods: Option<Vec<MyMood>>,
    // As text: nothing.
    #[model(sql_type = "nothing")]
    pub nothing: Option<String>,
    // As text: pair.
    #[model(sql_type = "pair")]
    pub pair: Option<String>,
    // As texts: pair.
    #[model(sql_type = "_pair")]
    pub pairs: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "names")]
pub struct Names {
    #[model(key)]
    pub id: i32,
    pub name: String,
    // As text: bit.
    #[model(sql_type = "bit")]
    pub flags: Option<String>,
    // As text: varbit.
    #[model(sql_type = "varbit")]
    pub bits: Option<String>,
    pub char: Option<i8>,
    pub citxt: Option<String>,
    // As text: int2vector.
    #[model(sql_type = "int2vector")]
    pub vector: Option<String>,
    // As text: int4range.
    #[model(sql_type = "int4range")]
    pub range: Option<String>,
    // As text: macaddr.
    #[model(sql_type = "macaddr")]
    pub mac: Option<String>,
    // As text: timetz.
    #[model(sql_type = "timetz")]
    pub zoned: Option<String>,
    // As text: money.
    #[model(column = "Money", sql_type = "money")]
    pub money: Option<String>,
    pub bytes: Option<Vec<Vec<u8>>>,
    pub floats: Option<Vec<f32>>,
    pub uuids: Option<Vec<uuid::Uuid>>,
    pub jsons: Option<Vec<serde_json::Value>>,
    pub dates: Option<Vec<time::Date>>,
    // As texts: interval.
    #[model(sql_type = "_interval")]
    pub spans: Option<Vec<String>>,
    // As text: cidr.
    #[model(sql_type = "cidr")]
    pub cidr: Option<String>,
}

// no_columns is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "no_columns")]
// pub struct NoColumns {
// }

// no_key is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "no_key")]
// pub struct NoKey {
//     pub id: Option<i32>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "of_domain")]
pub struct OfDomain {
    #[model(key)]
    pub id: Option<i32>,
    pub a: Option<ForeignKey<ByDomain>>,
    #[model(sql_type = "int4")]
    pub b: ForeignKey<ByDomain>,
    #[model(sql_type = "int8")]
    pub c: ForeignKey<ByDomain>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "of_float")]
pub struct OfFloat {
    #[model(key)]
    pub id: Option<i32>,
    pub f: ForeignKey<ByFloat>,
    #[model(sql_type = "float4")]
    pub g: Option<ForeignKey<ByFloat>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "partly_unique")]
pub struct PartlyUnique {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub client_id: i64,
    #[model(column("tenant_id", "client_id"))]
    pub tenant: ForeignKey<Clients>,
}

// Unique, too: (name), by tenants_name_key.
// Unique, too: (other), by tenants_other_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tenants")]
pub struct Tenants {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub other: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "twice")]
pub struct Twice {
    #[model(key)]
    pub id: Option<i32>,
    pub what: Option<ForeignKey<Chicken>>,
    #[model(generated)]
    pub made: Option<ForeignKey<Tenants>>,
    #[model(default)]
    pub now: Option<ForeignKey<Tenants>>,
    // The same column again, as it refers to another table.
    #[model(column = "what")]
    pub what_of_tenants: Option<ForeignKey<Tenants>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "type")]
pub struct Type2 {
    #[model(key, column = "self")]
    pub self_: i32,
    #[model(column = "Self")]
    pub self_2: Option<i32>,
    #[model(column = "fn")]
    pub fn_: Option<i32>,
    #[model(column = "1st")]
    pub column_1st: Option<i32>,
    #[model(column = "a b")]
    pub a_b: Option<i32>,
    #[model(column = "a_b")]
    pub a_b_2: Option<i32>,
    #[model(column = "A B")]
    pub a_b_3: Option<i32>,
    #[model(column = "it's \"so\"")]
    pub it_s_so: Option<i32>,
    #[model(column = "***")]
    pub column: Option<i32>,
    pub größe: Option<i32>,
    #[model(column = "crate")]
    pub crate_: Option<i32>,
    #[model(column = "gen")]
    pub gen_: Option<i32>,
    #[model(unique, column = "e.f")]
    pub e_f: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "unique_line")]
pub struct UniqueLine {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub at: time::Date,
    #[model(unique, column("tenant_id", "client_id"))]
    pub clients: ForeignKey<Clients>,
}

/// \`\`\`
/// not a sample
/// \`\`\`
///
/// 1\. one
/// \- two
/// \> three tab
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "verify")]
pub struct VerifyRow {
    /// turned
    #[model(key)]
    pub id: Option<i32>,
}

// wide is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "wide")]
// pub struct Wide {
//     pub a: i32,
//     pub b: i32,
//     pub c: i32,
//     pub d: i32,
//     pub e: i32,
//     pub f: i32,
//     pub g: i32,
//     pub h: i32,
//     pub i: i32,
// }

/// A value of the enum `kind`.
#[allow(clippy::enum_variant_names)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    KindA,
    KindB,
    KindC,
}

impl Value for Kind {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Kind::KindA => "kind_a",
            Kind::KindB => "kind_b",
            Kind::KindC => "kind_c",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Kind, BoxError> {
        match std::str::from_utf8(raw)? {
            "kind_a" => Ok(Kind::KindA),
            "kind_b" => Ok(Kind::KindB),
            "kind_c" => Ok(Kind::KindC),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

impl KeyValue for Kind {}

/// A value of the enum `my Mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MyMood {
    Label,
    SelfLabel,
    HappyGoLucky,
    HappyGoLucky2,
    Label1st,
    ItSSo,
    Größe,
}

impl Value for MyMood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            MyMood::Label => "",
            MyMood::SelfLabel => "self",
            MyMood::HappyGoLucky => "happy-go-lucky",
            MyMood::HappyGoLucky2 => "Happy Go Lucky",
            MyMood::Label1st => "1st",
            MyMood::ItSSo => "it's \"so\"",
            MyMood::Größe => "größe",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<MyMood, BoxError> {
        match std::str::from_utf8(raw)? {
            "" => Ok(MyMood::Label),
            "self" => Ok(MyMood::SelfLabel),
            "happy-go-lucky" => Ok(MyMood::HappyGoLucky),
            "Happy Go Lucky" => Ok(MyMood::HappyGoLucky2),
            "1st" => Ok(MyMood::Label1st),
            "it's \"so\"" => Ok(MyMood::ItSSo),
            "größe" => Ok(MyMood::Größe),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// A value of type `bool` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoolKey(pub bool);

impl Value for BoolKey {
    const TYPE: SqlType = <bool as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<BoolKey, BoxError> {
        <bool as Value>::decode(raw).map(BoolKey)
    }
}

impl KeyValue for BoolKey {}

/// A value of type `oid` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OidKey(pub u32);

impl Value for OidKey {
    const TYPE: SqlType = <u32 as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<OidKey, BoxError> {
        <u32 as Value>::decode(raw).map(OidKey)
    }
}

impl KeyValue for OidKey {}

/// A value of type `inet` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InetKey(pub std::net::IpAddr);

impl Value for InetKey {
    const TYPE: SqlType = <std::net::IpAddr as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<InetKey, BoxError> {
        <std::net::IpAddr as Value>::decode(raw).map(InetKey)
    }
}

impl KeyValue for InetKey {}

/// A value of type `time` that is a key, or part of one.
///
/// PostgreSQL keeps whole microseconds: give it no finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeKey(pub time::Time);

impl Value for TimeKey {
    const TYPE: SqlType = <time::Time as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<TimeKey, BoxError> {
        <time::Time as Value>::decode(raw).map(TimeKey)
    }
}

impl KeyValue for TimeKey {}

/// A value of type `timestamp` that is a key, or part of one.
///
/// PostgreSQL keeps whole microseconds: give it no finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimestampKey(pub time::PrimitiveDateTime);

impl Value for TimestampKey {
    const TYPE: SqlType = <time::PrimitiveDateTime as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<TimestampKey, BoxError> {
        <time::PrimitiveDateTime as Value>::decode(raw).map(TimestampKey)
    }
}

impl KeyValue for TimestampKey {}

/// A value of type `numeric` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NumericKey(pub rust_decimal::Decimal);

impl Value for NumericKey {
    const TYPE: SqlType = <rust_decimal::Decimal as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<NumericKey, BoxError> {
        <rust_decimal::Decimal as Value>::decode(raw).map(NumericKey)
    }
}

impl KeyValue for NumericKey {}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Table>()
        .model::<Table2Fast>()
        .model::<OptionRow>()
        .model::<StringRow>()
        .model::<Type>()
        .model::<ATableWhoseNameIsSoLongThatTheServerWouldCutItAt6>()
        .model::<BillLines>()
        .model::<Bills>()
        .model::<ByConstant>()
        .model::<ByDay>()
        .model::<ByDomain>()
        .model::<ByFlag>()
        .model::<ByFlag2>()
        .model::<ByFloat>()
        .model::<ByList>()
        .model::<ByMoment>()
        .model::<ByText>()
        .model::<Chicken>()
        .model::<Clients>()
        .model::<DaysKept>()
        .model::<Egg>()
        .model::<HalfUnique>()
        .model::<Hours>()
        .model::<Itself>()
        .model::<Loose>()
        .model::<ModelRow>()
        .model::<Mood>()
        .model::<Names>()
        .model::<OfDomain>()
        .model::<OfFloat>()
        .model::<PartlyUnique>()
        .model::<Tenants>()
        .model::<Twice>()
        .model::<Type2>()
        .model::<UniqueLine>()
        .model::<VerifyRow>()
        // No field says this one, so write the row that is referred to in a commit before.
        .accept(ProblemKind::UndeclaredForeignKey, "bills.tenant_name")
}
