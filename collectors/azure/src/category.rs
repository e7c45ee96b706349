//! FOCUS's category of Azure's services, by their names in Cost Management.

use crate::{api::Api, mapping::UNASSIGNED};
use finops_collector::excerpt;

const CATEGORIES: [(&str, &[&str]); 13] = [
    (
        "Compute",
        &[
            "Virtual Machines",
            "Virtual Machines Licenses",
            "Azure Kubernetes Service",
            "Functions",
            "Azure Container Apps",
            "Container Instances",
            "Container Registry",
            "Azure App Service",
            "Cloud Services",
            "Service Fabric",
            "Azure Spring Cloud",
            "Virtual Machine Scale Sets",
            "Azure Compute Gallery",
        ],
    ),
    (
        "Storage",
        &[
            "Storage",
            "Azure NetApp Files",
            "Backup",
            "Azure Site Recovery",
            "Azure Data Box",
            "Azure Managed Lustre",
        ],
    ),
    (
        "Databases",
        &[
            "SQL Database",
            "SQL Managed Instance",
            "Azure Cosmos DB",
            "Azure Database for MySQL",
            "Azure Database for PostgreSQL",
            "Azure Database for MariaDB",
            "Redis Cache",
            "Azure Managed Redis",
        ],
    ),
    (
        "Networking",
        &[
            "Virtual Network",
            "Bandwidth",
            "Load Balancer",
            "Application Gateway",
            "VPN Gateway",
            "ExpressRoute",
            "Azure DNS",
            "Azure Front Door Service",
            "Content Delivery Network",
            "Traffic Manager",
            "NAT Gateway",
            "Azure Bastion",
            "Virtual WAN",
            "Network Watcher",
        ],
    ),
    (
        "Analytics",
        &[
            "Azure Synapse Analytics",
            "Azure Databricks",
            "Azure Data Factory v2",
            "Azure Data Explorer",
            "Event Hubs",
            "HDInsight",
            "Stream Analytics",
            "Power BI Embedded",
            "Microsoft Fabric",
        ],
    ),
    (
        "AI and Machine Learning",
        &[
            "Azure Machine Learning",
            "Cognitive Services",
            "Foundry Models",
            "Foundry Tools",
            "Azure OpenAI",
            "Azure AI services",
            "Azure Cognitive Search",
        ],
    ),
    (
        "Integration",
        &[
            "Service Bus",
            "Logic Apps",
            "API Management",
            "Event Grid",
            "Notification Hubs",
        ],
    ),
    (
        "Management and Governance",
        &[
            "Azure Monitor",
            "Log Analytics",
            "Automation",
            "Azure Policy",
            "Application Insights",
            "Azure Arc Enabled Servers",
        ],
    ),
    (
        "Security",
        &[
            "Key Vault",
            "Microsoft Defender for Cloud",
            "Azure Firewall",
            "Azure DDOS Protection",
            "Sentinel",
            "Microsoft Sentinel",
        ],
    ),
    (
        "Identity",
        &[
            "Microsoft Entra ID",
            "Azure Active Directory B2C",
            "Microsoft Entra Domain Services",
        ],
    ),
    (
        "Developer Tools",
        &[
            "Azure DevOps",
            "Azure Dev Tools",
            "App Configuration",
            "GitHub",
            "Azure Load Testing",
        ],
    ),
    (
        "Web",
        &[
            "Azure SignalR Service",
            "Azure Maps",
            "Azure Static Web Apps",
            "Azure Web PubSub",
        ],
    ),
    ("Internet of Things", &["IoT Hub", "IoT Central", "Digital Twins"]),
];

/// FOCUS's category of a service; Other, with a warning, where it is not known.
pub(crate) fn of(api: &Api<'_>, service: &str) -> &'static str {
    match CATEGORIES
        .iter()
        .find(|(_, services)| services.contains(&service))
    {
        Some((category, _)) => category,
        None if service == UNASSIGNED => "Other",
        None => {
            let service = excerpt(service, 80);
            api.warn_once(format!(
                "the service `{service}` is not known: its category is Other"
            ));
            "Other"
        }
    }
}
