package app

import (
	"net"
	"testing"
)

func TestFits(t *testing.T) {
	tests := []struct {
		setting, bound string
		want           bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:0", "127.0.0.1:4711", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "0.0.0.0:80", false},
		{"127.0.0.1:80", "[::]:80", false},
		{"localhost:80", "[::1]:80", true},
		{"localhost:80", "192.0.2.1:80", false},
		{":80", "[::]:80", true},
		{"0.0.0.0:80", "[::]:80", true},
		{":80", "127.0.0.1:80", false},
		{"example.com:80", "192.0.2.1:80", false},
		{"80", "192.0.2.1:80", false},
	}
	for _, tt := range tests {
		bound, err := net.ResolveTCPAddr("tcp", tt.bound)
		if err != nil {
			t.Fatal(err)
		}
		if got := fits(tt.setting, bound); got != tt.want {
			t.Errorf("fits(%q, %s) = %v, want %v", tt.setting, tt.bound, got, tt.want)
		}
	}
}
