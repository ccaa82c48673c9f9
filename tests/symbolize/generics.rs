// SPDX-License-Identifier: MIT
//
// generics - Rust: iterators and closures inlined several deep, traits, generic code, formatting,
// threads. Compiled to be looked up (compare.py); it also runs.
use std::collections::{BTreeMap, HashMap};
use std::fmt;

trait Area {
    fn area(&self) -> f64;
    fn describe(&self) -> String {
        format!("area {:.3}", self.area())
    }
}

#[derive(Clone, Debug)]
struct Rect<T> {
    w: T,
    h: T,
}

impl<T: Copy + Into<f64>> Area for Rect<T> {
    fn area(&self) -> f64 {
        let (w, h): (f64, f64) = (self.w.into(), self.h.into());
        w * h
    }
}

enum Tree<K> {
    Leaf,
    Node(Box<Tree<K>>, K, Box<Tree<K>>),
}

impl<K: PartialOrd + Copy + fmt::Display> Tree<K> {
    fn insert(self, key: K) -> Tree<K> {
        match self {
            Tree::Leaf => Tree::Node(Box::new(Tree::Leaf), key, Box::new(Tree::Leaf)),
            Tree::Node(l, k, r) if key < k => Tree::Node(Box::new(l.insert(key)), k, r),
            Tree::Node(l, k, r) if key > k => Tree::Node(l, k, Box::new(r.insert(key))),
            same => same,
        }
    }

    fn fold<A>(&self, start: A, f: &mut impl FnMut(A, K) -> A) -> A {
        match self {
            Tree::Leaf => start,
            Tree::Node(l, k, r) => {
                let left = l.fold(start, f);
                let here = f(left, *k);
                r.fold(here, f)
            }
        }
    }
}

fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.to_lowercase())
        .for_each(|w| *counts.entry(w).or_insert(0) += 1);
    counts
}

fn main() {
    let n = std::env::args().count() as u32 * 50;
    let rects: Vec<Rect<f32>> = (0..n).map(|i| Rect { w: i as f32, h: (i * 7 % 13) as f32 }).collect();
    let mut sorted = rects.clone();
    sorted.sort_by(|a, b| b.area().partial_cmp(&a.area()).unwrap());
    let total: f64 = sorted.iter().zip(rects.iter().skip(1)).map(|(a, b)| a.area() - b.area() / 2.0).sum();
    let tree = (0..n).fold(Tree::Leaf, |t, i| t.insert(i * 7919 % 1009));
    let text = tree.fold(String::new(), &mut |mut s: String, k| {
        s.push_str(&k.to_string());
        s.push(' ');
        s
    });
    let sums: Vec<u64> = std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..2u64).map(|t| scope.spawn(move || (0..1000 * t).filter(|x| x % 3 == t % 3).sum())).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    let by_length: HashMap<usize, Vec<String>> = words(&text).into_keys().fold(HashMap::new(), |mut m, w| {
        m.entry(w.len()).or_insert_with(Vec::new).push(w);
        m
    });
    println!("{} {} {:?} {:?}", total, rects[0].describe(), sums, by_length.len());
}
