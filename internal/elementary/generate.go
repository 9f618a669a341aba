package elementary

//go:generate go run ./gen
