package app

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
)

// maxLeeway bounds token-leeway: who has expired must not get in for long.
const maxLeeway = 5 * time.Minute

// checkUserPools reports user pools that are none, and issuers that cannot be.
func (c *Config) checkUserPools() error {
	if c.TokenLeeway < 0 || c.TokenLeeway > maxLeeway {
		return fmt.Errorf("token-leeway: %v is not between 0 and %v", c.TokenLeeway, maxLeeway)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.UserPools)) {
		pool, err := arn.Parse(name)
		if err != nil || pool.Service != "cognito-idp" || !strings.HasPrefix(pool.Resource, "userpool/") {
			errs = append(errs, fmt.Errorf("user-pool: %q is not the ARN of a user pool", name))
		}
		u, err := url.Parse(c.UserPools[name])
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			errs = append(errs, fmt.Errorf("user-pool: %q is not an issuer: write its URL, as its tokens have it in iss", c.UserPools[name]))
		}
	}
	return errors.Join(errs...)
}
