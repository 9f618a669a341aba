package datasets_test

import (
	"fmt"
	"log"

	"github.com/layernoise/layernoise/datasets"
)

// Data sets, texts, vocabularies and loaders as printed by fmt.
func ExampleLoader_String() {
	digits, err := datasets.Digits(200, 1).Loader(datasets.LoaderConfig{Batch: 64, Shuffle: true, Seed: 3})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digits)

	text, err := datasets.Characters("lines", "to be, or not to be")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	fmt.Println(text.Vocabulary())

	sequences, err := text.Sequences(6)
	if err != nil {
		log.Fatal(err)
	}
	batches, err := sequences.Loader(datasets.SequenceConfig{Batch: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batches)
	// Output:
	// Digits: 200 images of 1x28x28, 10 classes; 4 batches of 64, shuffled with seed 3
	// lines: 19 tokens, vocabulary of 8
	// 8 tokens: [" " "," "b" "e" "n" "o" "r" "t"]
	// lines: 3 sequences of 6 tokens, vocabulary of 8; 2 batches of 2, in order
}
