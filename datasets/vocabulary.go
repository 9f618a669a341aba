package datasets

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// A Vocabulary is the set of tokens that a text may consist of. Their ids count from 0.
type Vocabulary struct {
	tokens []string
	ids    map[string]int
	split  func(text string) []string // splits a text into candidate tokens
	join   string                     // separates two tokens in a text
}

// maxVocabulary is the largest number of tokens: texts store ids in 16 bits.
const maxVocabulary = 1 << 16

// newVocabulary makes a vocabulary of distinct tokens.
func newVocabulary(tokens []string, split func(string) []string, join string) (*Vocabulary, error) {
	if len(tokens) > maxVocabulary {
		return nil, errors.Wrapf(ErrFormat, "%d distinct tokens, at most %d are supported", len(tokens), maxVocabulary)
	}
	v := &Vocabulary{tokens: tokens, ids: make(map[string]int, len(tokens)), split: split, join: join}
	for id, token := range tokens {
		v.ids[token] = id
	}
	return v, nil
}

// byteVocabulary has the 256 bytes, each with its value as its id.
var byteVocabulary = func() *Vocabulary {
	tokens := make([]string, 256)
	for b := range tokens {
		tokens[b] = string([]byte{byte(b)})
	}
	v, _ := newVocabulary(tokens, splitBytes, "") // cannot fail: 256 are not too many
	return v
}()

func splitBytes(text string) []string {
	tokens := make([]string, len(text))
	for i := range tokens {
		tokens[i] = text[i : i+1]
	}
	return tokens
}

// splitCharacters splits a text into code points; an invalid byte stands for itself.
func splitCharacters(text string) []string { return strings.Split(text, "") }

// splitWords splits a text at white space.
func splitWords(text string) []string { return strings.Fields(text) }

// characterVocabulary has the code points of a valid UTF-8 text, sorted.
func characterVocabulary(text string) (*Vocabulary, error) {
	var ascii [utf8.RuneSelf]bool // what most texts consist of
	others := make(map[rune]bool)
	for _, r := range text {
		if r < utf8.RuneSelf {
			ascii[r] = true
		} else {
			others[r] = true
		}
	}
	var runes []rune
	for r, seen := range ascii {
		if seen {
			runes = append(runes, rune(r))
		}
	}
	for r := range others {
		runes = append(runes, r)
	}
	slices.Sort(runes)
	tokens := make([]string, len(runes))
	for i, r := range runes {
		tokens[i] = string(r)
	}
	return newVocabulary(tokens, splitCharacters, "")
}

// Size returns the number of tokens.
func (v *Vocabulary) Size() int { return len(v.tokens) }

// shownTokens is how many tokens String shows.
const shownTokens = 10

// String describes the vocabulary in a line: its size and its first tokens.
func (v *Vocabulary) String() string {
	shown := v.tokens[:min(shownTokens, len(v.tokens))]
	text := fmt.Sprintf("%d tokens: %q", len(v.tokens), shown)
	if len(shown) < len(v.tokens) {
		text = strings.TrimSuffix(text, "]") + " ...]"
	}
	return text
}

// Token returns the text of the token with the given id, from 0 to Size()-1.
func (v *Vocabulary) Token(id int) string { return v.tokens[id] }

// Encode returns the ids of the tokens of a text: of its bytes, its characters, or its words between white space, depending
// on how the vocabulary was made. The error is ErrToken, with its position, for text that is not a token.
func (v *Vocabulary) Encode(text string) ([]int, error) {
	parts := v.split(text)
	ids := make([]int, len(parts))
	for i, part := range parts {
		id, ok := v.ids[part]
		if !ok {
			return nil, errors.Wrapf(ErrToken, "datasets: %q, number %d of the text", part, i)
		}
		ids[i] = id
	}
	return ids, nil
}

// Decode returns the text of the tokens with the given ids. An id outside the vocabulary is ErrToken.
func (v *Vocabulary) Decode(ids []int) (string, error) {
	var text strings.Builder
	for i, id := range ids {
		if id < 0 || id >= len(v.tokens) {
			return "", errors.Wrapf(ErrToken, "datasets: id %d, number %d of the ids, is not from 0 to %d", id, i, len(v.tokens)-1)
		}
		if i > 0 {
			text.WriteString(v.join)
		}
		text.WriteString(v.tokens[id])
	}
	return text.String(), nil
}
