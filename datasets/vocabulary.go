package datasets

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// A Vocabulary is the tokens that a text may consist of. A token's id is its place among them, from 0.
type Vocabulary struct {
	tokens []string
	ids    map[string]int
	split  func(text string) []string // into what may be tokens
	join   string                     // what stands between two tokens of a text
}

// maxVocabulary is how many tokens there may be: texts keep ids in 16 bits.
const maxVocabulary = 1 << 16

// newVocabulary makes a vocabulary of different tokens.
func newVocabulary(tokens []string, split func(string) []string, join string) (*Vocabulary, error) {
	if len(tokens) > maxVocabulary {
		return nil, errors.Wrapf(ErrFormat, "%d different tokens, at most %d can be told apart", len(tokens), maxVocabulary)
	}
	v := &Vocabulary{tokens: tokens, ids: make(map[string]int, len(tokens)), split: split, join: join}
	for id, token := range tokens {
		v.ids[token] = id
	}
	return v, nil
}

// byteVocabulary has the 256 bytes, each under its own number.
var byteVocabulary = func() *Vocabulary {
	tokens := make([]string, 256)
	for b := range tokens {
		tokens[b] = string([]byte{byte(b)})
	}
	v, _ := newVocabulary(tokens, splitBytes, "") // 256 are not too many
	return v
}()

func splitBytes(text string) []string {
	tokens := make([]string, len(text))
	for i := range tokens {
		tokens[i] = text[i : i+1]
	}
	return tokens
}

// splitCharacters splits a text into code points, a byte that begins none standing for itself.
func splitCharacters(text string) []string { return strings.Split(text, "") }

// splitWords splits a text at white space.
func splitWords(text string) []string { return strings.Fields(text) }

// characterVocabulary has the code points of a text, which is valid UTF-8, in their order.
func characterVocabulary(text string) (*Vocabulary, error) {
	var ascii [utf8.RuneSelf]bool // most of most texts
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

// Size is the number of tokens.
func (v *Vocabulary) Size() int { return len(v.tokens) }

// shownTokens is how many tokens String shows.
const shownTokens = 10

// String writes the vocabulary in a line: its size and its first tokens.
func (v *Vocabulary) String() string {
	shown := v.tokens[:min(shownTokens, len(v.tokens))]
	text := fmt.Sprintf("%d tokens: %q", len(v.tokens), shown)
	if len(shown) < len(v.tokens) {
		text = strings.TrimSuffix(text, "]") + " ...]"
	}
	return text
}

// Token is the text of the token with that id, which is from 0 to Size()-1.
func (v *Vocabulary) Token(id int) string { return v.tokens[id] }

// Encode returns the ids of the tokens of a text: of its bytes or characters, or of its words between white space, according
// to what the vocabulary was made for. Text that is no token is ErrToken, with its place.
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
