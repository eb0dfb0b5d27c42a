//! The small schemas that all others are made of.
//!
//! Promises: says of a value no more than its name here does.

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, SchemaType};
use utoipa::openapi::{Array, ArrayBuilder, Object, ObjectBuilder, RefOr, Schema, Type};

/// A value of one of these types.
pub(super) fn of(types: &[Type]) -> Object {
    match types {
        [one] => Object::with_type(one.clone()),
        several => ObjectBuilder::new()
            .schema_type(several.iter().cloned().collect::<SchemaType>())
            .build(),
    }
}

/// A string.
pub(super) fn text() -> Object {
    of(&[Type::String])
}

/// A string of so many characters.
pub(super) fn text_of(least: usize, most: usize) -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(least)).max_length(Some(most)).build()
}

/// A whole number.
pub(super) fn count() -> Object {
    of(&[Type::Integer])
}

/// A whole number within these bounds, both included.
pub(super) fn count_of(least: i64, most: usize) -> Object {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least));
    number.maximum(i64::try_from(most).ok()).build()
}

/// True or false.
pub(super) fn flag() -> Object {
    of(&[Type::Boolean])
}

/// One of these words.
pub(super) fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.into_iter())).build()
}

/// Anything at all.
pub(super) fn any() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).build()
}

/// A list of so many at most.
pub(super) fn list_of(each: impl Into<RefOr<Schema>>, most: usize) -> Array {
    ArrayBuilder::new().items(each.into()).max_items(Some(most)).build()
}

/// An object whose members, by whichever names, are all alike.
pub(super) fn map(of: impl Into<RefOr<Schema>>) -> Object {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::RefOr(of.into()))).build()
}

/// The same with so many members at most.
pub(super) fn map_of(each: impl Into<RefOr<Schema>>, most: usize) -> Object {
    let members = AdditionalProperties::RefOr(each.into());
    let map = ObjectBuilder::new().additional_properties(Some(members));
    map.max_properties(Some(most)).build()
}

/// What is one of these.
pub(super) fn either(each: impl IntoIterator<Item = RefOr<Schema>>) -> RefOr<Schema> {
    let either = each.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    RefOr::T(Schema::AnyOf(either.build()))
}

/// An object without other members.
pub(super) fn closed(object: ObjectBuilder) -> Object {
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))).build()
}
