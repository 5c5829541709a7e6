package gateway

import "testing"

func TestShownURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://a/b":         "http://a/b",
		"/b?":                "/b?",
		"/b?x=1&y=2":         "/b?x=1&y=2",
		"/b?access_token=":   "/b?access_token=",
		"/b?access_token=ab": "/b?access_token=*b",
		"https://a/b?x=1&X-Amz-Credential=AK%2F2026&x-amz-signature=0123456789abcdef&X-Amz-Security-Token=T%2Fabcdefgh": "https://a/b?x=1&X-Amz-Credential=AK%2F2026&x-amz-signature=**********abcdef&X-Amz-Security-Token=******cdefgh",
		"/b?X-Amz-Signature=0123456789;y=0123456789&&z=1":                                                               "/b?X-Amz-Signature=*****56789;y=0123456789&&z=1",
		"/b?x-api-key=one1;;Cookie=two2":                                                                                "/b?x-api-key=**e1;;Cookie=**o2",
	} {
		if got := ShownURL(in); got != want {
			t.Errorf("ShownURL(%q) = %q, want %q", in, got, want)
		}
	}
}
