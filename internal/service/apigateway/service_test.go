package apigateway

import (
	"testing"
)

// From nothing to a deployed stage, and away again.
func TestLifeOfAnAPI(t *testing.T) {
	c := newClient(t)
	id, root := c.newAPI()
	pets := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})
	if pets["path"] != "/pets" {
		t.Errorf("path = %v, want /pets", pets["path"])
	}
	method := doc{"restApiId": id, "resourceId": pets["id"], "httpMethod": "GET"}
	with := func(more doc) doc {
		in := doc{}
		for _, m := range []doc{method, more} {
			for k, v := range m {
				in[k] = v
			}
		}
		return in
	}
	c.must("PutMethod", with(doc{"authorizationType": "NONE"}))
	c.fail("CreateDeployment", doc{"restApiId": id}, "BadRequestException: No integration defined for method")
	c.must("PutIntegration", with(doc{"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://127.0.0.1:8081/pets"}))
	dep := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod", "variables": doc{"v": "1"}})
	stage := c.must("GetStage", doc{"restApiId": id, "stageName": "prod"})
	if stage["deploymentId"] != dep["id"] {
		t.Errorf("stage shows deployment %v, want %v", stage["deploymentId"], dep["id"])
	}
	c.must("DeleteRestApi", doc{"restApiId": id})
	c.fail("GetStage", doc{"restApiId": id, "stageName": "prod"}, "NotFoundException: Invalid stage identifier specified")
	page, err := c.st.List(t.Context(), "/"+testAccount+"/"+testRegion+"/apigateway/stage/", "", 0)
	if err != nil || len(page.KVs) != 0 {
		t.Errorf("stages left after DeleteRestApi: %v, %v", page.KVs, err)
	}
}
