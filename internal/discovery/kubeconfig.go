package discovery

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// podFiles is where a pod finds how to reach the API server.
//
// Protocol: "Accessing the Kubernetes API from a Pod".
const podFiles = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster is the API server of the cluster that this process runs in. The
// token is read for each request: it is replaced every hour.
func inCluster(dir string) (*apiServer, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this is no pod of Kubernetes: set kubeconfig")
	}
	client, err := newHTTPClient(Access{CA: filepath.Join(dir, "ca.crt")})
	if err != nil {
		return nil, err
	}
	client.header = bearer(func() (string, error) { return secret(filepath.Join(dir, "token")) })
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, err
	}
	return &apiServer{"https://" + net.JoinHostPort(host, port), oneLine(namespace), client}, nil
}

// A kubeconfig is what is needed of the file of that name.
//
// Protocol: kubeconfig (v1) of the Kubernetes reference.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Contexts       []struct {
		Name    string
		Context struct{ Cluster, User, Namespace string }
	}
	Clusters []struct {
		Name    string
		Cluster kubeCluster
	}
	Users []struct {
		Name string
		User kubeUser
	}
}

type kubeCluster struct {
	Server     string
	CA         string `yaml:"certificate-authority"`
	CAData     string `yaml:"certificate-authority-data"`
	ServerName string `yaml:"tls-server-name"`
	Insecure   bool   `yaml:"insecure-skip-tls-verify"`
	Proxy      string `yaml:"proxy-url"`
}

type kubeUser struct {
	Token        string
	TokenFile    string `yaml:"tokenFile"`
	Cert         string `yaml:"client-certificate"`
	CertData     string `yaml:"client-certificate-data"`
	Key          string `yaml:"client-key"`
	KeyData      string `yaml:"client-key-data"`
	Username     string
	Password     string
	Exec         *yaml.Node
	AuthProvider *yaml.Node `yaml:"auth-provider"`
}

// fromKubeconfig is the API server of a context; empty: the current one.
func fromKubeconfig(file, context string) (*apiServer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var conf kubeconfig
	if err := yaml.Unmarshal(text, &conf); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s, err := conf.server(context, filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// server makes the API server of a context. Names of files are relative to dir.
func (k *kubeconfig) server(context, dir string) (*apiServer, error) {
	if context == "" {
		context = k.CurrentContext
	}
	cluster, user, namespace, err := k.find(context)
	if err != nil {
		return nil, err
	}
	switch {
	case user.Exec != nil || user.AuthProvider != nil:
		return nil, errors.New("users: exec and auth-provider are not supported: use a token or a client certificate")
	case cluster.Insecure:
		return nil, errors.New("clusters: insecure-skip-tls-verify is not supported: give the certificate-authority")
	case cluster.Proxy != "":
		return nil, errors.New("clusters: proxy-url is not supported")
	}
	if err := checkURL(cluster.Server); err != nil {
		return nil, fmt.Errorf("clusters: server: %w", err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cluster.ServerName}
	if ca, err := dataOr(cluster.CAData, cluster.CA, dir); err != nil {
		return nil, err
	} else if ca != nil {
		if conf.RootCAs = x509.NewCertPool(); !conf.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("clusters: certificate-authority holds no certificate")
		}
	}
	if conf.Certificates, err = user.pair(dir); err != nil {
		return nil, err
	}
	client, err := newHTTPClient(Access{})
	if err != nil {
		return nil, err
	}
	client.http.Transport.(*http.Transport).TLSClientConfig = conf
	client.header = user.header(dir)
	return &apiServer{strings.TrimSuffix(cluster.Server, "/"), namespace, client}, nil
}

// find returns the parts of a context.
func (k *kubeconfig) find(context string) (cluster kubeCluster, user kubeUser, namespace string, err error) {
	var names struct{ cluster, user bool }
	for _, c := range k.Contexts {
		if c.Name != context {
			continue
		}
		namespace = c.Context.Namespace
		for _, cl := range k.Clusters {
			if cl.Name == c.Context.Cluster {
				cluster, names.cluster = cl.Cluster, true
			}
		}
		for _, u := range k.Users {
			if u.Name == c.Context.User {
				user, names.user = u.User, true
			}
		}
	}
	if namespace == "" {
		namespace = "default"
	}
	if !names.cluster || !names.user {
		err = fmt.Errorf("there is no context %q with its cluster and user", context)
	}
	return cluster, user, namespace, err
}

// header sets the token or the password of u.
func (u *kubeUser) header(dir string) func(http.Header) error {
	switch {
	case u.Username != "":
		return func(h http.Header) error {
			h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username+":"+u.Password)))
			return nil
		}
	case u.TokenFile != "": // Kubernetes: it takes precedence over token
		return bearer(func() (string, error) { return secret(within(dir, u.TokenFile)) })
	}
	return bearer(func() (string, error) { return u.Token, nil })
}

// pair is the client certificate of u, if it has one.
func (u *kubeUser) pair(dir string) ([]tls.Certificate, error) {
	cert, err := dataOr(u.CertData, u.Cert, dir)
	if err != nil || cert == nil {
		return nil, err
	}
	key, err := dataOr(u.KeyData, u.Key, dir)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("users: client-certificate: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

// dataOr is what data encodes, or the content of a file; nil: neither is set.
func dataOr(data, file, dir string) ([]byte, error) {
	if data != "" {
		return base64.StdEncoding.DecodeString(data)
	}
	if file == "" {
		return nil, nil
	}
	return os.ReadFile(within(dir, file))
}

// within is a name of a file relative to dir.
func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
