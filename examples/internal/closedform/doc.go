// Package closedform has least-squares models for which the effect of noise in the weights is known: what it adds to the
// expected loss, and where training with it leads. The examples compare measurements with it, and its tests compare the
// library with it.
//
// Write R(w) for the loss. Noise of standard deviation sigma on all weights at once makes the expected loss
//
//	E R(w + sigma*eps) = R(w) + sigma^2 S(w) + sigma^4 F
//
// with a sum of squares S and a constant F, exactly. Noise on one of the two factors, each with probability one half, gives
//
//	R(w) + sigma^2/2 S(w)
//
// without the term of fourth order, which grows with the width. The smallest S among all weights that represent the same
// function is a norm of that function, the penalty P. So training leads to the minimiser of R + strength*P, where the
// strength is sigma^2 for noise on all weights and sigma^2/2 for noise on one factor at a time. P is the l1 norm, the group
// l1 norm or the nuclear norm, up to factors, and its minimiser is computed here by methods that do not involve noise.
//
// [DeepLinear] does the same for linear networks of any depth with noise on one layer at a time, without the minimiser.
//
// [ReLU] and the variances of [Factorisation] describe what noise does at given weights, without training: how it depends on
// the width of a network and on the initial weights.
//
// Source: A. Orvieto, A. Raj, H. Kersting, F. Bach, Explicit Regularization in Overparametrized Models via Noise Injection,
// AISTATS 2023, https://arxiv.org/abs/2206.04613, sections 3 and 4. The formulas here are derived in the comments.
package closedform
