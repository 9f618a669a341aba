// Package fence makes slices for tests that end the program if anything before or behind them is touched.
package fence
