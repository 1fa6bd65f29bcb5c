//! What a misspelt word was probably meant to be.

/// The candidate that `word` was probably meant to be: the one with the fewest typing mistakes between, where they are
/// few enough for the length of the word.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let tolerated = (word.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (mistakes(word, candidate), *candidate))
        .filter(|(mistakes, _)| *mistakes <= tolerated)
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, candidate)| candidate)
}

/// Characters inserted, left out, replaced or swapped with their neighbour (optimal string alignment).
fn mistakes(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["failure_rate", "failure_if", "open_for", "window"];

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(nearest("failure_rat", &KEYS), Some("failure_rate"));
        assert_eq!(nearest("faliure_rate", &KEYS), Some("failure_rate"));
        assert_eq!(nearest("fialure_fi", &KEYS), Some("failure_if"));
        assert_eq!(nearest("openfor", &KEYS), Some("open_for"));
        assert_eq!(nearest("windw", &KEYS), Some("window"));
        assert_eq!(nearest("no", &["name", "on"]), Some("on"), "one mistake in the shortest of words");
    }

    #[test]
    fn does_not_guess() {
        assert_eq!(nearest("colour", &KEYS), None);
        assert_eq!(nearest("widows", &KEYS), Some("window"), "two mistakes in six characters");
        assert_eq!(nearest("widoes", &KEYS), None, "three");
        assert_eq!(nearest("", &KEYS), None);
        assert_eq!(nearest("of", &["in"]), None, "two in two");
        assert_eq!(nearest("x", &[]), None);
    }
}
