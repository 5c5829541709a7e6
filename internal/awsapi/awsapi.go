// Package awsapi holds nothing; its folders hold the generated AWS APIs, one
// package each: shapes, operations, Server interface and errors.
package awsapi

//go:generate go run -C ../../tools/awsgen .
