package noise

//go:generate go run ./gen
