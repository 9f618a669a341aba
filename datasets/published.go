package datasets

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/pkg/errors"
)

// Where the data sets are published: base addresses in the order to try.
var (
	mnistBases = []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
	}
	fashionMNISTBases = []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"}
	cifarBases        = []string{"https://www.cs.toronto.edu/~kriz/"}
	shakespeareBases  = []string{"https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"}
	mahoneyBases      = []string{"https://mattmahoney.net/dc/", "http://mattmahoney.net/dc/"}
)

// A publishedFile is a file as its authors publish it.
type publishedFile struct {
	name    string
	size    int64
	sum     string // SHA-256 of the file
	content string // SHA-256 of what it is when unpacked, "" when not known
}

// The files of MNIST and Fashion-MNIST, by their names without .gz.
var (
	mnistFiles = byPlainName(
		publishedFile{"train-images-idx3-ubyte.gz", 9912422,
			"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
			"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		publishedFile{"train-labels-idx1-ubyte.gz", 28881,
			"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
			"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		publishedFile{"t10k-images-idx3-ubyte.gz", 1648877,
			"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
			"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		publishedFile{"t10k-labels-idx1-ubyte.gz", 4542,
			"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
			"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	)
	fashionMNISTFiles = byPlainName(
		publishedFile{"train-images-idx3-ubyte.gz", 26421880,
			"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
			"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		publishedFile{"train-labels-idx1-ubyte.gz", 29515,
			"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
			"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
		publishedFile{"t10k-images-idx3-ubyte.gz", 4422102,
			"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
			"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		publishedFile{"t10k-labels-idx1-ubyte.gz", 5148,
			"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
			"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
	)
	cifar10Archive = publishedFile{"cifar-10-binary.tar.gz", 170052171,
		"c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", ""}
	cifar100Archive = publishedFile{"cifar-100-binary.tar.gz", 168513733,
		"58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", ""}
	shakespeareFile = publishedFile{"input.txt", 1115394,
		"86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
		"86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}
	enwik8Archive = publishedFile{"enwik8.zip", 36445475,
		"547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
		"2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"}
	text8Archive = publishedFile{"text8.zip", 31344016,
		"a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
		"6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"}
)

func byPlainName(files ...publishedFile) map[string]publishedFile {
	byName := make(map[string]publishedFile)
	for _, f := range files {
		byName[f.name[:len(f.name)-len(".gz")]] = f
	}
	return byName
}

// verify checks that the file at path is the published one, byte by byte or,
// where the checksum of the content is known, after both are uncompressed: a
// copy that was unpacked or compressed again is as good.
func (f publishedFile) verify(path string) error {
	sum, err := readPath(path, checksum)
	if err != nil || sum == f.sum {
		return err
	}
	if f.content == "" {
		return errors.Wrapf(ErrChecksum, "%s has SHA-256 %s, published is %s", path, sum, f.sum)
	}
	content, err := readPath(path, func(r io.Reader) (string, error) {
		plain, err := gunzip(r)
		if err != nil {
			return "", err
		}
		return checksum(plain)
	})
	if err != nil || content == f.content {
		return err
	}
	return errors.Wrapf(ErrChecksum, "%s has content of SHA-256 %s, published is %s", path, content, f.content)
}

// checksum is the SHA-256 of all of r, in hexadecimal digits.
func checksum(r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", errors.Wrap(err, "read")
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
