package datasets

import "github.com/layernoise/layernoise/internal/fetch"

// Base addresses where the data sets are published, in the order to try.
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

// The files of MNIST and Fashion-MNIST, keyed by name without .gz.
var (
	mnistFiles = byPlainName(
		fetch.File{Name: "train-images-idx3-ubyte.gz", Size: 9912422,
			Sum:     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
			Content: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		fetch.File{Name: "train-labels-idx1-ubyte.gz", Size: 28881,
			Sum:     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
			Content: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		fetch.File{Name: "t10k-images-idx3-ubyte.gz", Size: 1648877,
			Sum:     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
			Content: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		fetch.File{Name: "t10k-labels-idx1-ubyte.gz", Size: 4542,
			Sum:     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
			Content: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	)
	fashionMNISTFiles = byPlainName(
		fetch.File{Name: "train-images-idx3-ubyte.gz", Size: 26421880,
			Sum:     "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
			Content: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		fetch.File{Name: "train-labels-idx1-ubyte.gz", Size: 29515,
			Sum:     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
			Content: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
		fetch.File{Name: "t10k-images-idx3-ubyte.gz", Size: 4422102,
			Sum:     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
			Content: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		fetch.File{Name: "t10k-labels-idx1-ubyte.gz", Size: 5148,
			Sum:     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
			Content: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
	)
	cifar10Archive = fetch.File{Name: "cifar-10-binary.tar.gz", Size: 170052171,
		Sum: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}
	cifar100Archive = fetch.File{Name: "cifar-100-binary.tar.gz", Size: 168513733,
		Sum: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}
	shakespeareFile = fetch.File{Name: "input.txt", Size: 1115394,
		Sum:     "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
		Content: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}
	enwik8Archive = fetch.File{Name: "enwik8.zip", Size: 36445475,
		Sum:     "547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
		Content: "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"}
	text8Archive = fetch.File{Name: "text8.zip", Size: 31344016,
		Sum:     "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
		Content: "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"}
)

func byPlainName(files ...fetch.File) map[string]fetch.File {
	byName := make(map[string]fetch.File)
	for _, f := range files {
		byName[f.Name[:len(f.Name)-len(".gz")]] = f
	}
	return byName
}
