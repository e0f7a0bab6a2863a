package main

import (
	"crypto/rsa"
	"crypto/sha3"
	"math/big"
)

// A key computed from the secret is in no file. Who gives the secret out can compute the public half and hand it to services, which
// then ask no port for it: converge/issuer_keys.py does. The port makes instances of one checkout differ. The public half lets anyone
// test a guess of the secret, so the secret has to be a random one.

// derived is the key of a secret and a port.
func derived(secret, port string) (*rsa.PrivateKey, error) {
	p, q, one, e := prime("p", secret, port), prime("q", secret, port), big.NewInt(1), big.NewInt(65537)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	lcm := new(big.Int).Div(new(big.Int).Mul(p1, q1), new(big.Int).GCD(nil, nil, p1, q1))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, lcm), Primes: []*big.Int{p, q},
	}
	if err := key.Validate(); err != nil {
		return nil, err
	}
	key.Precompute()
	return key, nil
}

// prime is the first fit for RSA from a number of 1024 bits on, the upper two of which are 1, so that the product has 2048.
func prime(label, secret, port string) *big.Int {
	found := new(big.Int).SetBytes(stretched(label, secret, port, 128))
	for _, bit := range []int{0, 1022, 1023} {
		found.SetBit(found, bit, 1)
	}
	e, one, two := big.NewInt(65537), big.NewInt(1), big.NewInt(2)
	for !found.ProbablyPrime(4) || new(big.Int).Mod(new(big.Int).Sub(found, one), e).Sign() == 0 {
		found.Add(found, two)
	}
	return found
}

func stretched(label, secret, port string, length int) []byte {
	return sha3.SumSHAKE256([]byte("issuer "+label+" "+port+" "+secret), length)
}
