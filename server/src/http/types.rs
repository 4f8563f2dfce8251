//! The types of the schema, as far as documents and variables are checked against them.
//!
//! They are read from the schema's own language, which is what callers are promised; the library's
//! own tables are closed to us.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value};

use super::guard::introspection;

/// All types that a document can name.
#[derive(Debug)]
pub struct Types {
    kinds: HashMap<Name, Kind>,
    counts: Counts,
    introspection_cost: u64,
}

/// What a type is.
#[derive(Debug)]
pub enum Kind {
    /// A scalar.
    Scalar,
    /// An enumeration, and its values.
    Enum(HashSet<Name>),
    /// An input object.
    Input(Input),
    /// An object, an interface or a union: what has fields, or stands for what has.
    Output(HashMap<Name, Field>),
}

/// An input object.
#[derive(Debug)]
pub struct Input {
    /// Whether exactly one of its fields must be given.
    pub is_one_of: bool,
    /// Its fields.
    pub fields: Vec<Slot>,
}

/// A place for a value: an argument, or a field of an input object.
#[derive(Debug)]
pub struct Slot {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// Its value where none is given.
    pub default: Option<Value>,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// What it takes.
    pub arguments: Vec<Slot>,
}

/// How many of everything there are, for what introspection may answer.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Types.
    pub types: u64,
    /// Fields of objects and interfaces.
    pub fields: u64,
    /// Arguments of these.
    pub arguments: u64,
    /// Fields of input objects.
    pub inputs: u64,
    /// Values of enumerations.
    pub values: u64,
}

const SCALARS: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

impl Types {
    /// Reads a schema in its own language.
    ///
    /// # Panics
    ///
    /// Where the text is none. It is the server's own, and a test reads it.
    pub fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema's own text");
        let mut counts = Counts::default();
        let mut kinds: HashMap<Name, Kind> =
            SCALARS.iter().map(|name| (Name::new(name), Kind::Scalar)).collect();
        for definition in document.definitions {
            if let TypeSystemDefinition::Type(definition) = definition {
                let definition = definition.node;
                let name = definition.name.node.clone();
                kinds.insert(name, kind(definition, &mut counts));
            }
        }
        // Introspection lists itself, too; its own types are a dozen of about five fields.
        counts.types = kinds.len() as u64 + 10;
        counts.fields += 50;
        let types = Self { kinds, counts, introspection_cost: 0 };
        Self { introspection_cost: introspection::standard_cost(&types), ..types }
    }

    /// What the document costs that tools read a schema with.
    pub fn introspection_cost(&self) -> u64 {
        self.introspection_cost
    }

    /// The type that an operation of this kind starts at.
    pub fn root(&self, operation: OperationType) -> Option<&str> {
        let name = match operation {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        self.kinds.get_key_value(name).map(|(name, _)| name.as_str())
    }

    /// The type of this name.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// A field of a type.
    pub fn field(&self, parent: &str, name: &str) -> Option<&Field> {
        match self.kinds.get(parent)? {
            Kind::Output(fields) => fields.get(name),
            _ => None,
        }
    }

    /// How many of everything there are.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

fn kind(definition: TypeDefinition, counts: &mut Counts) -> Kind {
    match definition.kind {
        TypeKind::Scalar => Kind::Scalar,
        TypeKind::Object(it) => output(it.fields, counts),
        TypeKind::Interface(it) => output(it.fields, counts),
        TypeKind::Union(_) => Kind::Output(HashMap::new()),
        TypeKind::Enum(it) => {
            counts.values += it.values.len() as u64;
            Kind::Enum(it.values.into_iter().map(|it| it.node.value.node).collect())
        }
        TypeKind::InputObject(it) => {
            counts.inputs += it.fields.len() as u64;
            let is_one_of = definition.directives.iter().any(|it| it.node.name.node == "oneOf");
            Kind::Input(Input { is_one_of, fields: it.fields.into_iter().map(slot).collect() })
        }
    }
}

fn output(fields: Vec<Positioned<FieldDefinition>>, counts: &mut Counts) -> Kind {
    let fields = fields.into_iter().map(|field| {
        let field = field.node;
        let arguments: Vec<Slot> = field.arguments.into_iter().map(slot).collect();
        counts.fields += 1;
        counts.arguments += arguments.len() as u64;
        (field.name.node, Field { ty: field.ty.node, arguments })
    });
    Kind::Output(fields.collect())
}

fn slot(value: Positioned<InputValueDefinition>) -> Slot {
    let value = value.node;
    let default = value.default_value.map(|it| it.node);
    Slot { name: value.name.node, ty: value.ty.node, default }
}

/// Whether a type is a list, nullable or not.
pub fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

impl Field {
    /// Whether it is a list, nullable or not.
    pub fn is_list(&self) -> bool {
        is_list(&self.ty)
    }

    /// The argument of this name.
    pub fn argument(&self, name: &str) -> Option<&Slot> {
        self.arguments.iter().find(|slot| slot.name == name)
    }
}

/// The name inside all lists of a type.
pub fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}
