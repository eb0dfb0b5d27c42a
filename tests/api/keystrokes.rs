//! What is typed for a text, key by key, on a keyboard with two sets of Korean letters.

use unicode_normalization::UnicodeNormalization;

/// Whether a value, as it is told, begins with what was typed, be it key by key.
pub(super) fn begins(value: &str, typed: Option<&str>) -> bool {
    let Some(typed) = typed else { return true };
    let value: String = serde_json::from_str(value).unwrap();
    keys(&value).starts_with(&keys(typed))
}

/// The keys that write a text.
fn keys(text: &str) -> String {
    /// Letters of two keys, wherever in a syllable they stand, and those keys.
    const DOUBLE: [(&str, &str); 18] = [
        ("ᆪ", "ᄀᄉ"),
        ("ᆬ", "ᄂᄌ"),
        ("ᆭ", "ᄂᄒ"),
        ("ᆰ", "ᄅᄀ"),
        ("ᆱ", "ᄅᄆ"),
        ("ᆲ", "ᄅᄇ"),
        ("ᆳ", "ᄅᄉ"),
        ("ᆴ", "ᄅᄐ"),
        ("ᆵ", "ᄅᄑ"),
        ("ᆶ", "ᄅᄒ"),
        ("ᆹ", "ᄇᄉ"),
        ("ᅪ", "ᅩᅡ"),
        ("ᅫ", "ᅩᅢ"),
        ("ᅬ", "ᅩᅵ"),
        ("ᅯ", "ᅮᅥ"),
        ("ᅰ", "ᅮᅦ"),
        ("ᅱ", "ᅮᅵ"),
        ("ᅴ", "ᅳᅵ"),
    ];
    const LAST: &str = "ᆨᆩᆫᆮᆯᆷᆸᆺᆻᆼᆽᆾᆿᇀᇁᇂ";
    const FIRST: &str = "ᄀᄁᄂᄃᄅᄆᄇᄉᄊᄋᄌᄎᄏᄐᄑᄒ";
    let key = |letter: char| {
        let double = DOUBLE.iter().find(|(double, _)| double.starts_with(letter));
        let single = LAST.chars().zip(FIRST.chars()).find(|(last, _)| *last == letter);
        match (double, single) {
            (Some((_, keys)), _) => (*keys).to_owned(),
            (None, Some((_, first))) => first.to_string(),
            (None, None) => letter.to_string(),
        }
    };
    // A consonant that stands alone is the same key.
    text.nfkd().map(key).collect()
}
