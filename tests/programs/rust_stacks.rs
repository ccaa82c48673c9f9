// SPDX-License-Identifier: MIT
//
// rust_stacks - what a Rust stack is made of, -C opt-level=3 without -g: a trait object, a
// generic function, recursion, a closure on a thread with a name.
//
//   main → drive → <Square as Shape>::area                   1/4
//   main → drive → <Circle as Shape>::area                   1/4
//   main → descend × 8 → <leaf>                              1/4
//   thread "worker": …closure… → generic::<u32>              1/4
//
// The hash of a legacy symbol (::h0123456789abcdef) must not be part of a name.

fn work(mut x: u64, units: u64) -> u64 {
    for _ in 0..units * 700_000 {
        x = (x ^ (x >> 29)).wrapping_mul(6364136223846793005);
    }
    x
}

trait Shape {
    fn area(&self, units: u64) -> u64;
}

struct Square(u64);
struct Circle(u64);

impl Shape for Square {
    #[inline(never)]
    fn area(&self, units: u64) -> u64 {
        work(self.0, units)
    }
}

impl Shape for Circle {
    #[inline(never)]
    fn area(&self, units: u64) -> u64 {
        work(self.0 ^ 0x5555, units)
    }
}

#[inline(never)]
fn drive(shapes: &[Box<dyn Shape>], units: u64) -> u64 {
    let mut sum = 1;
    for shape in shapes {
        sum ^= shape.area(units);
    }
    sum
}

#[inline(never)]
fn leaf(x: u64, units: u64) -> u64 {
    work(x.rotate_right(9), units)
}

#[inline(never)]
fn descend(x: u64, depth: u32, units: u64) -> u64 {
    let below = if depth == 1 {
        leaf(x, units)
    } else {
        descend(x + 1, depth - 1, units)
    };
    below ^ u64::from(depth) // after the call: no tail call, no loop
}

#[inline(never)]
fn generic<T: Into<u64>>(value: T, units: u64) -> u64 {
    work(value.into() + 3, units)
}

fn main() {
    let units: u64 = std::env::args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .unwrap_or(1000);
    let part = units / 40;
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(units + 3)), Box::new(Circle(units))];
    let mut sum = 0;

    let worker = std::thread::Builder::new()
        .name("worker".into())
        .spawn(move || {
            let mut sum = 0;
            for i in 0..10u32 {
                sum ^= generic(i, part);
            }
            sum
        })
        .unwrap();
    for _ in 0..10 {
        sum ^= drive(&shapes, part);
        sum ^= descend(sum, 8, part);
    }
    println!("{}", sum ^ worker.join().unwrap());
}
