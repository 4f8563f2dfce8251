//! Which scopes an operation needs: those of every field that is in it, through fragments. Worked
//! out when a document is read, so that holding a caller's scopes against it costs next to nothing.

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::super::code::Code;
use super::super::types::{Types, named};
use super::Refused;
use crate::access::{Scope, Scopes, beyond, need};

/// What an operation needs: fields, each with the scopes of which a caller needs one.
#[derive(Debug, Default)]
pub struct Needs {
    fields: Vec<(Scopes, String)>,
    /// Whether any of them is of bookings.
    is_of_bookings: bool,
}

/// Fields of roots that ask the database, beside all of mutations.
const OF_BOOKINGS: [(&str, &str); 6] = [
    ("Query", "client"),
    ("Query", "trip"),
    ("Query", "node"),
    ("Query", "nodes"),
    ("Query", "affectedTrips"),
    ("Subscription", "tripChanged"),
];

/// What each operation of a document needs.
pub fn of(document: &ExecutableDocument, types: &Types) -> Vec<(Option<Name>, Needs)> {
    let each = document.operations.iter().map(|(name, operation)| {
        let root = types.root(operation.node.ty);
        let mut walk = Walk { document, types, needs: Needs::default() };
        walk.set(&operation.node.selection_set.node, root, None);
        (name.cloned(), walk.needs)
    });
    each.collect()
}

impl Needs {
    /// Whether the operation asks the database.
    pub fn is_of_bookings(&self) -> bool {
        self.is_of_bookings
    }

    /// Holds a caller's scopes against it.
    ///
    /// # Errors
    ///
    /// Where the operation has a field that they do not suffice for; it names the first.
    pub fn check(&self, scopes: Scopes) -> Result<(), Refused> {
        let Some((needed, field)) = self.fields.iter().find(|it| !scopes.may_any(it.0)) else {
            return Ok(());
        };
        let names: Vec<&str> = needed.iter().map(Scope::name).collect();
        let message = format!(
            "expected a key with the scope {} for {field}, found one with {}",
            names.join(" or "),
            if scopes == Scopes::NONE { "none".to_owned() } else { scopes.to_string() }
        );
        Err(Refused::new(Code::Forbidden, message).with_value("field", field.as_str()))
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    types: &'d Types,
    needs: Needs,
}

impl<'d> Walk<'d> {
    /// What is selected of a type, and the type and field that lead to it.
    fn set(
        &mut self,
        set: &'d SelectionSet,
        parent: Option<&'d str>,
        through: Option<(&'d str, &'d str)>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    self.field(name, &field.node.selection_set.node, parent, through);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref().map(|it| it.node.on.node.as_str());
                    self.set(&fragment.selection_set.node, on.or(parent), through);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let fragment = &fragment.node;
                        let on = Some(fragment.type_condition.node.on.node.as_str());
                        self.set(&fragment.selection_set.node, on, through);
                    }
                }
            }
        }
    }

    fn field(
        &mut self,
        name: &'d str,
        inner: &'d SelectionSet,
        parent: Option<&'d str>,
        through: Option<(&'d str, &'d str)>,
    ) {
        // A field of no type is the validator's to refuse.
        let Some(parent) = parent.filter(|_| name != "__typename") else { return };
        self.add(need(parent, name), parent, name);
        if let Some(needed) = through.and_then(|through| beyond(through, name)) {
            self.add(needed, parent, name);
        }
        self.needs.is_of_bookings |= parent == "Mutation" || OF_BOOKINGS.contains(&(parent, name));
        if name.starts_with("__") {
            return;
        }
        if let Some(found) = self.types.field(parent, name) {
            self.set(inner, Some(named(&found.ty)), Some((parent, name)));
        }
    }

    fn add(&mut self, needed: Scopes, parent: &str, name: &str) {
        if self.needs.fields.iter().all(|(known, _)| *known != needed) {
            self.needs.fields.push((needed, format!("{parent}.{name}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{POLICY, Scope};

    /// What needs more than a key that searches is of bookings, and they are in the database.
    #[test]
    fn fields_that_ask_the_database_wait_with_the_bookings() {
        let others = [Scopes::of(&[Scope::Search]), Scopes::of(&Scope::ALL)];
        let is_of_root = |on: &str| ["Query", "Subscription"].contains(&on);
        for (on, name, need) in POLICY.iter().filter(|(on, ..)| is_of_root(on)) {
            let is_of_bookings = !name.starts_with("__") && !others.contains(need);
            assert_eq!(OF_BOOKINGS.contains(&(on, name)), is_of_bookings, "{on}.{name}");
        }
    }
}
