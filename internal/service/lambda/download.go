package lambda

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// DownloadPath begins the paths from which code can be fetched, for a while, by
// who was given the address.
const DownloadPath = "/_aws/lambda/code/"

// downloadTime is how long an address is good. AWS: "valid for 10 minutes".
const downloadTime = 10 * time.Minute

// A downloader signs addresses of code. Its key lives as long as the process.
type downloader [sha256.Size]byte

func newDownloader() (d downloader) {
	_, _ = rand.Read(d[:]) // never fails: crypto/rand ends the process first
	return d
}

func (d *downloader) sign(path, expires string) string {
	mac := hmac.New(sha256.New, d[:])
	mac.Write([]byte(path + "\n" + expires))
	return hex.EncodeToString(mac.Sum(nil))
}

// download is an address of a zip file of the caller's account and Region.
func (s *Service) download(ctx context.Context, ref store.Ref) string {
	c := awsrpc.CallerFrom(ctx)
	path := DownloadPath + c.Account + "/" + c.Region + "/" + string(ref)
	expires := strconv.FormatInt(time.Now().Add(downloadTime).Unix(), 10)
	return endpoint(ctx) + path + "?" + url.Values{"expires": {expires}, "signature": {s.downloads.sign(path, expires)}}.Encode()
}

// ServeHTTP serves the addresses below DownloadPath.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, DownloadPath), "/")
	expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	signature := s.downloads.sign(r.URL.Path, q.Get("expires"))
	if err != nil || len(parts) != 3 || time.Now().Unix() > expires || !hmac.Equal([]byte(signature), []byte(q.Get("signature"))) {
		http.Error(w, "the address is no longer good", http.StatusForbidden)
		return
	}
	tables := record.FunctionsIn(s.st, s.blobs, record.Scope{Account: parts[0], Region: parts[1]})
	content, err := tables.Blobs.Get(r.Context(), store.Ref(parts[2]))
	if err != nil {
		http.Error(w, "the code is no longer here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // on an error the client is gone
}
