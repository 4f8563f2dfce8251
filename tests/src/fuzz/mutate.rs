//! Damage to bytes.

use crate::random::Random;

/// The longest input that damage makes.
const LENGTH_MAX: usize = 128 * 1024;

const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "00",
    "24",
    "25",
    "59",
    "60",
    "99",
    "100",
    "65536",
    "2147483648",
    "4294967295",
    "18446744073709551616",
    "1e9",
    "0.5",
];

/// Damages bytes in up to eight places, mostly fewer. `others` are what may be spliced in, `words`
/// what means something in this kind of input.
pub fn mutate(bytes: &mut Vec<u8>, others: &[&[u8]], words: &[&str], random: &mut Random) {
    for _ in 0..=random.below(8).min(random.below(8)) {
        once(bytes, others, words, random);
        bytes.truncate(LENGTH_MAX);
    }
}

fn once(bytes: &mut Vec<u8>, others: &[&[u8]], words: &[&str], random: &mut Random) {
    let range = range(bytes.len(), random);
    let at = range.start;
    match random.below(12) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = *random.of_slice(&[0, 9, 10, 13, 34, 44, 127, 255]),
        2 => {
            let added: Vec<u8> = (0..random.below(8)).map(|_| random.next() as u8).collect();
            bytes.splice(at..at, added);
        }
        3 => drop(bytes.drain(range)),
        4 => {
            let copy = bytes[range].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            // One thing many times over: long cells, deep nesting, many rows.
            let copy = bytes[range].to_vec();
            let times = 1 << random.below(12);
            let times = times.min(LENGTH_MAX / copy.len().max(1));
            bytes.splice(at..at, copy.repeat(times));
        }
        6 if !others.is_empty() => {
            let other = *random.of_slice(others);
            let part = self::range(other.len(), random);
            bytes.splice(range, other[part].iter().copied());
        }
        7 => bytes.truncate(at),
        8 => number(bytes, at, random),
        9 => line(bytes, at, random),
        10 if !words.is_empty() => {
            let word = random.of_slice(words).bytes();
            bytes.splice(range, word);
        }
        _ if !words.is_empty() => {
            let word = random.of_slice(words).bytes();
            bytes.splice(at..at, word);
        }
        _ => {}
    }
}

/// A range of some bytes, mostly a short one.
fn range(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(length + 1);
    let longest = 1 << random.below(9);
    start..(start + random.below(longest + 1)).min(length)
}

/// Puts another number in the place of the first one from `at` on.
fn number(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[at..].iter().position(is_digit) else { return };
    let start = at + start;
    let length = bytes[start..].iter().take_while(|byte| is_digit(byte)).count();
    let new = random.of_slice(&NUMBERS).bytes();
    bytes.splice(start..start + length, new);
}

/// Moves or repeats a line.
fn line(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let length = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let copy = bytes[start..start + length].to_vec();
    if random.once_in(2) {
        bytes.drain(start..start + length);
    }
    let to = random.below(bytes.len() + 1);
    bytes.splice(to..to, copy);
}

/// Changes integers where they stand, so that the layout stays what it is.
pub fn mutate_integers(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(3).min(random.below(3)) {
        let width = *random.of_slice(&[1, 2, 2, 4, 4, 8]);
        let places = bytes.len() / width;
        if places == 0 {
            return;
        }
        // Most of what is not rows of tables stands near the end.
        let place = if random.once_in(4) {
            places - 1 - random.below(places.min(400))
        } else {
            random.below(places)
        };
        let (start, other) = (place * width, random.below(places) * width);
        let mut old = [0; 8];
        old[..width].copy_from_slice(&bytes[start..start + width]);
        let value = u64::from_le_bytes(old);
        let new = match random.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => value.wrapping_add(1),
            3 => value.wrapping_sub(1),
            4 => value ^ (1 << random.below(width * 8)),
            5 => i64::MAX as u64 >> (64 - width * 8),
            6 => random.next(),
            _ => {
                bytes.copy_within(other..other + width, start);
                continue;
            }
        };
        bytes[start..start + width].copy_from_slice(&new.to_le_bytes()[..width]);
    }
}
