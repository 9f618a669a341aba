// Command gen writes the vector kernels of package kernel: go generate ./internal/kernel
package main

import (
	"log"
	"os"
)

func main() {
	asm, stubs, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string][]byte{asmFile: asm, stubsFile: stubs} {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
