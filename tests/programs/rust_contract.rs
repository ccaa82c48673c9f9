// SPDX-License-Identifier: MIT
//
// rust_contract - the program of the profile contract: rustc -C opt-level=3, no -g, so
// that names come from the symbol table and stacks from .eh_frame alone.
//
//   main → hot_function      70 %
//   main → compute_a         20 %
//   main → compute_b         10 %
//
// Counted work (dependent multiplications), shares by count, as in work.h.

fn work(mut x: u64, units: u64) -> u64 {
    for _ in 0..units * 700_000 {
        x = (x ^ (x >> 29)).wrapping_mul(6364136223846793005);
    }
    x
}

#[inline(never)]
fn hot_function(x: u64) -> u64 {
    work(x, 7)
}

#[inline(never)]
fn compute_a(x: u64) -> u64 {
    work(x.rotate_left(7), 2)
}

#[inline(never)]
fn compute_b(x: u64) -> u64 {
    work(!x, 1)
}

fn main() {
    let units: u64 = std::env::args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .unwrap_or(1000);
    let mut x = 1;
    for _ in 0..units / 10 {
        x = hot_function(x);
        x = compute_a(x);
        x = compute_b(x);
    }
    println!("{}", x);
}
