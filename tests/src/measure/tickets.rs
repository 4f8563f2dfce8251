//! Ticket numbers from several processes whose clocks step.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::{Place, now, open};
use crate::random::Random;

/// Numbers after which a process's clock goes on by a second.
const PER_SECOND: u64 = 20_000;

/// What was found of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Numbers taken.
    pub count: usize,
    /// Numbers that were taken twice.
    pub duplicates: usize,
    /// Numbers that do not have 15 digits.
    pub wrong_length: usize,
    /// Numbers that are not higher than the one that the same process took before.
    pub not_ascending: usize,
    /// Numbers that name an earlier second than the clock had when they were taken.
    pub before_their_second: usize,
    /// Times a clock stepped.
    pub steps: usize,
}

/// Takes numbers in this many processes at once. `program` calls [`take`] when its first argument
/// is `take-tickets`.
///
/// # Panics
///
/// Where a process does not do its part.
pub async fn measure(
    place: &Place,
    program: &Path,
    processes: usize,
    numbers: u64,
    seed: u64,
) -> Found {
    place.store().await.close().await.expect("a closed store");
    let files: Vec<PathBuf> = (0..processes)
        .map(|process| place.folder.path().join(format!("taken-{process}")))
        .collect();
    let start = |(file, process): (&PathBuf, u64)| -> Child {
        let first = u64::from(process == 0);
        let share = numbers / processes as u64 + first * (numbers % processes as u64);
        let seed = seed.wrapping_add(process);
        Command::new(program)
            .arg("take-tickets")
            .args([&place.url, &place.keys.display().to_string(), &file.display().to_string()])
            .args([share.to_string(), seed.to_string()])
            .spawn()
            .expect("a process")
    };
    let children: Vec<Child> = files.iter().zip(0..).map(start).collect();
    for mut child in children {
        assert!(child.wait().expect("its end").success(), "a process failed");
    }
    check(&files)
}

fn check(files: &[PathBuf]) -> Found {
    let mut found = Found {
        count: 0,
        duplicates: 0,
        wrong_length: 0,
        not_ascending: 0,
        before_their_second: 0,
        steps: 0,
    };
    let mut all = Vec::new();
    for file in files {
        let mut bytes = Vec::new();
        std::fs::File::open(file).expect("a file").read_to_end(&mut bytes).expect("its numbers");
        let word = |chunk: &[u8]| u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let (mut last, mut clock) = (0, 0);
        for pair in bytes.chunks_exact(16) {
            let (second, number) = (word(&pair[..8]), word(&pair[8..]));
            found.wrong_length +=
                usize::from(!(100_000_000_000_000..=999_999_999_999_999).contains(&number));
            found.not_ascending += usize::from(number <= last);
            found.before_their_second += usize::from(number / 100_000 < second);
            found.steps += usize::from(clock > 0 && second.abs_diff(clock) > 1);
            (last, clock) = (number, second);
            all.push(number);
        }
    }
    found.count = all.len();
    all.sort_unstable();
    found.duplicates = all.windows(2).filter(|pair| pair[0] == pair[1]).count();
    found
}

/// Takes numbers in this process: `arguments` are URL, key file, file to write to, how many, seed.
///
/// # Panics
///
/// Where the database refuses any.
pub async fn take(arguments: &[String]) {
    let [url, keys, file, count, seed] = arguments else { panic!("expected five arguments") };
    let store = open(url, Path::new(keys), Path::new("none")).await;
    let mut random = Random::of(seed.parse().expect("a seed"));
    let count: u64 = count.parse().expect("a number");
    let mut file = BufWriter::new(std::fs::File::create(file).expect("a file"));
    let (base, mut offset, mut taken) = (now().timestamp(), 0_i64, 0_u64);
    while taken < count {
        // Once in some ten seconds the clock is set: up to an hour forth or back.
        if random.once_in(40_000) {
            offset = random.below(7_200) as i64 - 3_600;
        }
        let second = base + offset + (taken / PER_SECOND) as i64;
        let wanted = (1 + random.below(9)).min((count - taken) as usize);
        for number in store.take_ticket_numbers(wanted, second).await.expect("numbers") {
            file.write_all(&(second as u64).to_le_bytes()).expect("a written number");
            file.write_all(&number.0.to_le_bytes()).expect("a written number");
            taken += 1;
        }
    }
    file.flush().expect("written numbers");
}
