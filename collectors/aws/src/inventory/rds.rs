//! RDS: database instances with their class and storage. Neptune and DocumentDB are among them, told apart by the engine.

use super::{
    Region,
    query::{Action, at, child, descendants, tags, whole},
};
use finops_collector::{Decimal, Failure};

pub(super) fn databases(region: &mut Region<'_>) -> Result<(), Failure> {
    let action = Action {
        service: "rds",
        name: "DescribeDBInstances",
        version: "2014-10-31",
        parameters: &[("MaxRecords", "100")],
        token: ("Marker", "Marker"),
    };
    action.pages(region, |region, root| {
        for list in descendants(root, "DBInstances") {
            for database in list.children().filter(roxmltree::Node::is_element) {
                let dimensions = [
                    ("database", at(database, "DBInstanceIdentifier")),
                    ("class", at(database, "DBInstanceClass")),
                    ("engine", at(database, "Engine")),
                    ("license", at(database, "LicenseModel")),
                    ("multi-az", at(database, "MultiAZ")),
                    ("zone", at(database, "AvailabilityZone")),
                    ("storage", at(database, "StorageType")),
                    ("db-cluster", at(database, "DBClusterIdentifier")),
                ];
                let tags = tags(child(database, "TagList"));
                let stopped = at(database, "DBInstanceStatus") == "stopped";
                let runs = if stopped { Decimal::ZERO } else { Decimal::ONE };
                region.see(("database", "Databases"), runs, &dimensions, &tags);
                let storage = at(database, "AllocatedStorage");
                if !storage.is_empty() {
                    let size = whole(storage, "a database's storage")?;
                    region.see(("database-storage", "GB"), size, &dimensions, &[]);
                }
            }
        }
        Ok(())
    })
}
