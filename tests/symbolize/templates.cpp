// SPDX-License-Identifier: MIT
//
// templates - what makes debug information large and deep: templates of the standard library and of
// our own, inlined into each other, lambdas, local classes, virtual functions, an anonymous namespace,
// extern "C", exceptions. Compiled to be looked up (compare.py); it also runs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

extern "C" int plain_sum(const int *values, int n)
{
	int sum = 0;
	for (int i = 0; i < n; i++)
		sum += values[i] * (i + 1);
	return sum;
}

namespace shapes
{
namespace
{
inline double square(double x)
{
	return x * x;
}

template <int N> struct Power {
	static inline double of(double x)
	{
		return x * Power<N - 1>::of(x);
	}
};
template <> struct Power<0> {
	static inline double of(double)
	{
		return 1;
	}
};
} // namespace

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
	virtual std::string name() const = 0;
};

struct Circle final : Shape {
	explicit Circle(double r) : radius(r)
	{
	}
	double area() const override
	{
		return 3.14159 * square(radius);
	}
	std::string name() const override
	{
		return "circle of " + std::to_string(radius);
	}
	double radius;
};

template <typename T, int N> struct Polygon final : Shape {
	explicit Polygon(T s) : side(s)
	{
	}
	double area() const override
	{
		return Power<N>::of(static_cast<double>(side)) / N;
	}
	std::string name() const override
	{
		std::ostringstream out;
		out << N << "-gon of " << side;
		return out.str();
	}
	T side;
};

static std::vector<std::unique_ptr<Shape>> make(int n)
{
	std::vector<std::unique_ptr<Shape>> all;
	for (int i = 0; i < n; i++) {
		if (i % 3 == 0)
			all.push_back(std::make_unique<Circle>(i));
		else if (i % 3 == 1)
			all.push_back(std::make_unique<Polygon<int, 4>>(i));
		else
			all.push_back(std::make_unique<Polygon<float, 6>>(i));
	}
	return all;
}
} // namespace shapes

template <typename F> static auto timed(const char *what, F &&f) -> decltype(f())
{
	struct Guard {
		const char *what;
		explicit Guard(const char *w) : what(w)
		{
		}
		~Guard()
		{
			std::fprintf(stderr, "%s done\n", what);
		}
	} guard(what);
	return f();
}

static std::map<std::string, int> count_words(const std::string &text)
{
	std::istringstream in(text);
	std::map<std::string, int> counts;
	for (std::string word; in >> word;)
		counts[word]++;
	return counts;
}

static long parse(const std::string &text)
{
	try {
		return std::stol(text);
	} catch (const std::invalid_argument &) {
		return -1;
	} catch (const std::out_of_range &e) {
		throw std::runtime_error(std::string("too large: ") + e.what());
	}
}

int main(int argc, char **argv)
{
	auto all = shapes::make(argc * 30);
	std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
		return a->area() < b->area() || (a->area() == b->area() && a->name() < b->name());
	});
	double total = timed("areas", [&] {
		return std::accumulate(all.begin(), all.end(), 0.0,
				       [](double sum, const auto &s) { return sum + s->area(); });
	});
	std::unordered_map<std::string, std::function<int(int)>> table;
	table["twice"] = [](int x) { return 2 * x; };
	table["plus"] = [argc](int x) { return x + argc; };
	int values[16];
	std::iota(std::begin(values), std::end(values), argc);
	std::transform(std::begin(values), std::end(values), std::begin(values),
		       [&](int v) { return table[v & 1 ? "twice" : "plus"](v); });
	auto words = count_words("the quick brown fox jumps over the lazy dog and the cat");
	long parsed = parse(argc > 1 ? argv[1] : "42");
	std::printf("%f %d %zu %ld\n", total, plain_sum(values, 16), words.size(), parsed);
	return 0;
}
