package cloudformation

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
)

// AnswerPath begins the paths to which functions put what became of custom
// resources. The rest of a path is a secret that is good for one answer.
const AnswerPath = "/_aws/cloudformation/answers/"

// maxAnswer bounds an answer, in bytes. AWS: "The total size of the response body
// can't exceed 4096 bytes".
const maxAnswer = 4096

// expect opens a URL for one answer, until done is called.
func (s *Service) expect() (url string, answers <-chan []byte, done func(), err error) {
	if s.opt.AnswersAt == "" {
		return "", nil, nil, statedError("Custom resources need the address of this server: it has none that functions can reach")
	}
	secret := rand.Text()
	c := make(chan []byte, 1)
	s.mu.Lock()
	s.expected[secret] = c
	s.mu.Unlock()
	return s.opt.AnswersAt + AnswerPath + secret, c, func() {
		s.mu.Lock()
		delete(s.expected, secret)
		s.mu.Unlock()
	}, nil
}

// ServeHTTP takes the answers of custom resources.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", http.MethodPut)
		http.Error(w, "answers are put", http.StatusMethodNotAllowed)
		return
	}
	secret := strings.TrimPrefix(r.URL.Path, AnswerPath)
	s.mu.Lock()
	_, known := s.expected[secret]
	s.mu.Unlock()
	if !known {
		http.Error(w, "nobody waits for this answer", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1)) // one more tells that it is too long
	if err != nil {
		http.Error(w, "the answer could not be read", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	c := s.expected[secret]
	delete(s.expected, secret)
	s.mu.Unlock()
	if c != nil {
		c <- body // has room: a secret is good for one
	}
}
