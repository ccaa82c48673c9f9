// SPDX-License-Identifier: MIT
//
// cpp - templates and inlined functions, -O2 -g.
//
//   main → simulate<Grid<double, 32>> → Grid<double, 32>::relax → (inlined) at, mean_of_four   ~
//   3/4 main → simulate<Grid<float, 32>>  → Grid<float, 32>::relax  → (inlined) at, mean_of_four ~
//   1/4 main → count_words → std::map / std::string code of libstdc++, partly inlined: a little
//
// Without debug info the inlined frames are absent, the others are the same. The sweeps of
// the double grid are three times those of the float grid; the cost of a sweep differs a
// little, so only bounds are asserted.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace lab
{

template <typename T> inline T mean_of_four(T a, T b, T c, T d)
{
	return (a + b + c + d) * static_cast<T>(0.25);
}

template <typename T, std::size_t N> class Grid
{
      public:
	Grid()
	{
		for (std::size_t i = 0; i < N * N; i++)
			cell[i] = static_cast<T>(i % 7);
	}

	T &at(std::size_t x, std::size_t y)
	{
		return cell[y * N + x];
	}

	__attribute__((noinline)) T relax()
	{
		// Gauss-Seidel: each cell needs its neighbour's new value, so nothing is vectorised
		for (std::size_t y = 1; y + 1 < N; y++)
			for (std::size_t x = 1; x + 1 < N; x++)
				at(x, y) = mean_of_four(at(x - 1, y), at(x + 1, y), at(x, y - 1),
							at(x, y + 1));
		return at(N / 2, N / 2);
	}

      private:
	T cell[N * N];
};

template <typename G> __attribute__((noinline)) double simulate(G &grid, unsigned sweeps)
{
	double sum = 0;

	for (; sweeps != 0; sweeps--)
		sum += static_cast<double>(grid.relax());
	return sum;
}

__attribute__((noinline)) std::size_t count_words(unsigned n)
{
	std::map<std::string, unsigned> words;

	for (unsigned i = 0; i < n; i++)
		words["word " + std::to_string(i * 2654435761u % 97)]++;
	return words.size();
}

} // namespace lab

int main(int argc, char **argv)
{
	const unsigned units =
		argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 1000;
	// not on the stack: 12 KiB in main's frame would be more than a default dump holds
	static lab::Grid<double, 32> wide;
	static lab::Grid<float, 32> narrow;
	double sum = 0;
	std::size_t words = 0;

	for (unsigned i = 0; i < units; i++) {
		sum += lab::simulate(wide, 360);
		sum += lab::simulate(narrow, 120);
		words += lab::count_words(300);
	}
	std::printf("%g %zu\n", sum, words);
	return 0;
}
