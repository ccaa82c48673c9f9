// SPDX-License-Identifier: MIT
//
// rust [ROUNDS] - two threads that do what Rust programs do: count words in hash maps and trees,
// sort, format and evaluate expressions, with the standard library inlined into them (-O -g).
// Deterministic; made for being sampled, not for its result.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

enum Expr {
    Number(u64),
    Sum(Box<Expr>, Box<Expr>),
    Product(Box<Expr>, Box<Expr>),
}

fn grow(random: &mut Random, depth: u32) -> Box<Expr> {
    Box::new(match (depth, random.next() % 5) {
        (0, _) | (_, 0) => Expr::Number(random.next() % 1000),
        (_, 1) | (_, 2) => Expr::Sum(grow(random, depth - 1), grow(random, depth - 1)),
        _ => Expr::Product(grow(random, depth - 1), grow(random, depth - 1)),
    })
}

fn value(expr: &Expr) -> u64 {
    match expr {
        Expr::Number(n) => *n,
        Expr::Sum(a, b) => value(a).wrapping_add(value(b)),
        Expr::Product(a, b) => value(a).wrapping_mul(value(b)) % 1_000_003,
    }
}

fn write_text(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..words {
        let _ = write!(text, "{:x} ", random.next() % 4093);
    }
    text
}

#[inline(never)]
fn count_words(text: &str) -> HashMap<&str, u32> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

#[inline(never)]
fn by_count<'a>(counts: &HashMap<&'a str, u32>) -> Vec<(&'a str, u32)> {
    let mut sorted: Vec<_> = counts.iter().map(|(word, n)| (*word, *n)).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    sorted
}

#[inline(never)]
fn by_letter(sorted: &[(&str, u32)]) -> u64 {
    let mut letters: BTreeMap<String, u64> = BTreeMap::new();
    for (word, n) in sorted {
        for end in 1..=word.len() {
            *letters.entry(word[..end].to_string()).or_default() += u64::from(*n);
        }
    }
    letters.values().filter(|n| **n > 2).sum()
}

#[inline(never)]
fn one_round(random: &mut Random) -> u64 {
    let text = write_text(random, 20_000);
    let sorted_sum = by_letter(&by_count(&count_words(&text)));
    let expr = grow(random, 14);
    (0..20).map(|_| value(&expr)).fold(sorted_sum, u64::wrapping_add)
}

fn work(seed: u64, rounds: u64) -> u64 {
    let mut random = Random(seed);
    (0..rounds).map(|_| one_round(&mut random)).fold(0, |a, b| a ^ b)
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(300, |n| n.parse().expect("ROUNDS"));
    let threads: Vec<_> = (1..=2)
        .map(|n| {
            let name = format!("worker-{}", n);
            std::thread::Builder::new().name(name).spawn(move || work(n * 0x9e37_79b9, rounds)).unwrap()
        })
        .collect();
    for thread in threads {
        println!("{:x}", thread.join().unwrap());
    }
}
