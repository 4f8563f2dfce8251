//! Generated files are what they are made from, and the GraphQL schema is whole: everything in it
//! is described, and nothing that callers were promised is missing.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use tests::generated::{COMMAND, files, root};

#[test]
fn generated_files_are_what_they_are_generated_from() {
    for file in files() {
        let found = fs::read(root().join(file.path)).unwrap_or_default();
        // Not `assert_eq`: a network file on a terminal helps nobody.
        assert!(found == file.bytes, "{} differs from its sources: run `{COMMAND}`", file.path);
    }
}

/// The types of a schema in GraphQL's own language.
fn types(sdl: &str) -> Vec<TypeDefinition> {
    let document = parse_schema(sdl).expect("a schema");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    types.collect()
}

fn fields(kind: &TypeKind) -> &[Positioned<FieldDefinition>] {
    match kind {
        TypeKind::Object(it) => &it.fields,
        TypeKind::Interface(it) => &it.fields,
        _ => &[],
    }
}

/// Calls `visit` with the path and the description of everything in these types.
fn describe(types: &[TypeDefinition], mut visit: impl FnMut(String, Option<&str>)) {
    let mut say = |path: String, description: Option<&Positioned<String>>| {
        visit(path, description.map(|it| it.node.as_str()));
    };
    for it in types {
        let name = &it.name.node;
        say(name.to_string(), it.description.as_ref());
        for field in fields(&it.kind).iter().map(|it| &it.node) {
            let path = format!("{name}.{}", field.name);
            for argument in field.arguments.iter().map(|it| &it.node) {
                say(format!("{path}({})", argument.name), argument.description.as_ref());
            }
            say(path, field.description.as_ref());
        }
        match &it.kind {
            TypeKind::InputObject(input) => {
                for field in input.fields.iter().map(|it| &it.node) {
                    say(format!("{name}.{}", field.name), field.description.as_ref());
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values.iter().map(|it| &it.node) {
                    say(format!("{name}.{}", value.value), value.description.as_ref());
                }
            }
            _ => {}
        }
    }
}

#[test]
fn everything_in_the_schema_is_described() {
    let (mut bare, mut count) = (Vec::new(), 0);
    describe(&types(&server::graphql::sdl()), |path, description| {
        count += 1;
        if description.is_none_or(|text| text.trim().is_empty()) {
            bare.push(path);
        }
    });
    assert!(count > 200, "{count}");
    assert!(bare.is_empty(), "no description:\n{}", bare.join("\n"));
}

/// What can be relied on, one fact a line: `Type.field: Type`, `Type.field(argument): Type =
/// default`, `Enum.VALUE`, `Type implements Interface`, `Input @oneOf`.
fn facts(sdl: &str) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for it in types(sdl) {
        let name = &it.name.node;
        let one_of = it.directives.iter().any(|directive| directive.node.name.node == "oneOf");
        facts.extend(one_of.then(|| format!("{name} @oneOf")));
        for field in fields(&it.kind).iter().map(|it| &it.node) {
            facts.insert(format!("{name}.{}: {}", field.name, field.ty));
            let arguments = field.arguments.iter().map(|argument| {
                let path = format!("{name}.{}({})", field.name, argument.node.name);
                value_fact(path, &argument.node)
            });
            facts.extend(arguments);
        }
        match &it.kind {
            TypeKind::Scalar => {
                facts.insert(format!("scalar {name}"));
            }
            TypeKind::Object(object) => {
                facts.extend(object.implements.iter().map(|it| format!("{name} implements {it}")));
            }
            TypeKind::InputObject(input) => {
                let inputs = input.fields.iter().map(|it| &it.node);
                facts.extend(inputs.map(|it| value_fact(format!("{name}.{}", it.name), it)));
            }
            TypeKind::Enum(values) => {
                facts.extend(values.values.iter().map(|it| format!("{name}.{}", it.node.value)));
            }
            _ => {}
        }
    }
    facts
}

fn value_fact(path: impl Display, value: &InputValueDefinition) -> String {
    let default = value.default_value.as_ref().map(|it| format!(" = {it}"));
    format!("{path}: {}{}", value.ty, default.unwrap_or_default())
}

#[test]
fn the_schema_has_what_callers_were_promised() {
    let facts = facts(&server::graphql::sdl());
    let promised = include_str!("contract.txt").lines().filter(|line| !line.starts_with('#'));
    let missing: Vec<&str> = promised.filter(|fact| !facts.contains(*fact)).collect();
    assert!(missing.is_empty(), "missing or typed in another way:\n{}", missing.join("\n"));
}

#[test]
fn lists_whose_length_is_guessed_are_lists_of_the_schema() {
    let facts = facts(&server::graphql::sdl());
    for (name, field, _) in server::graphql::LIST_SIZES {
        let beginning = format!("{name}.{field}: [");
        assert!(facts.iter().any(|fact| fact.starts_with(&beginning)), "{beginning}");
    }
}
