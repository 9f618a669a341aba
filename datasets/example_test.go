package datasets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"log"
	"os"

	"github.com/layernoise/layernoise/datasets"
)

func ExampleDigits() {
	train, test := datasets.Digits(1000, 1), datasets.Digits(2000, 2)
	fmt.Println(train)
	fmt.Println(test)
	fmt.Println(train.Counts())
	// Output:
	// Digits: 1000 images of 1x28x28, 10 classes
	// Digits: 2000 images of 1x28x28, 10 classes
	// [100 100 100 100 100 100 100 100 100 100]
}

func ExampleDataset_Loader() {
	loader, err := datasets.Digits(300, 1).Loader(datasets.LoaderConfig{Batch: 128, Shuffle: true, Seed: 1, Flat: true})
	if err != nil {
		log.Fatal(err)
	}
	defer loader.Close()
	for epoch := range 2 {
		if err := loader.Start(epoch); err != nil {
			log.Fatal(err)
		}
		for loader.Next() {
			fmt.Println(epoch, loader.Images().Shape(), loader.Labels()[:5])
		}
		if err := loader.Err(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 0 (128, 784) [1 0 0 3 9]
	// 0 (128, 784) [0 3 3 7 9]
	// 0 (44, 784) [9 8 5 6 3]
	// 1 (128, 784) [8 3 1 2 0]
	// 1 (128, 784) [3 6 5 2 7]
	// 1 (44, 784) [2 5 3 8 5]
}

func ExampleFashionMNIST() {
	_, err := datasets.FashionMNIST("testdata/nothing-here", datasets.Train)
	fmt.Println(errors.Is(err, datasets.ErrNotFound))
	// Output: true
}

// Downloading missing files takes an option; nothing is downloaded without it.
func ExampleWithDownload() {
	train, err := datasets.CIFAR10("data", datasets.Train,
		datasets.WithDownload(context.Background(), datasets.Download{Progress: os.Stderr}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train)
}

func ExampleDataset_Split() {
	train, validation, err := datasets.Digits(1000, 1).Split(900, 5)
	if err != nil {
		log.Fatal(err)
	}
	noisy, err := train.WithLabelNoise(0.1, 6)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(noisy.Len(), validation.Len())
	// Output: 900 100
}

func ExampleDataset_ContactSheet() {
	var file bytes.Buffer
	sheet := datasets.Digits(100, 1).ContactSheet(5, 20)
	if err := png.Encode(&file, sheet); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sheet.Bounds().Size())
	// Output: (602,152)
}

func ExampleText_Sequences() {
	text, err := datasets.Characters("a rose", "a rose is a rose is a rose")
	if err != nil {
		log.Fatal(err)
	}
	train, test, err := text.Split(20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train, "|", test)
	sequences, err := train.Sequences(8)
	if err != nil {
		log.Fatal(err)
	}
	loader, err := sequences.Loader(datasets.SequenceConfig{Batch: 2})
	if err != nil {
		log.Fatal(err)
	}
	if err := loader.Start(0); err != nil {
		log.Fatal(err)
	}
	for loader.Next() {
		fmt.Println(loader.Tokens().Data(), loader.Targets())
	}
	if err := loader.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// a rose: 20 tokens, vocabulary of 7 | a rose: 6 tokens, vocabulary of 7
	// [1 0 5 4 6 2 0 3 6 0 1 0 5 4 6 2] [0 5 4 6 2 0 3 6 0 1 0 5 4 6 2 0]
	// [0 5 4 6 2 0 3 6] [-1 -1 -1 -1 -1 3 6 0]
}

func ExampleModularAddition() {
	train, test, err := datasets.ModularAddition(53, 0.5, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train)
	fmt.Println(test)
	tokens, targets := train.Sequence(0)
	question, err := train.Vocabulary().Decode(tokens)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(question, targets)
	// Output:
	// addition modulo 53, train: 1405 sequences of 3 tokens, vocabulary of 54
	// addition modulo 53, test: 1404 sequences of 3 tokens, vocabulary of 54
	// 46 25 = [-1 -1 18]
}

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
