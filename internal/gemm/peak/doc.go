// Package peak measures how many multiply-adds a processor can do, for benchmarks of products to be compared with.
package peak
