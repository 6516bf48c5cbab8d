using Pampa.Ssh.Commands;

namespace Pampa.Ssh;

/// <summary>Nodes on computers that are reached by SSH: <c>pampa.AddSshNode("web1", "192.0.2.11", ssh =&gt; ssh.User = "shop");</c></summary>
public static class PampaSsh
{
    /// <summary>
    /// Declares a node on another computer, and adds the verb <c>nodes</c> to the program: <c>nodes up</c> delivers this very program
    /// there, without anything to be installed on it, and starts it as a node. The computer must run Linux and an OpenSSH server; this
    /// one needs OpenSSH's client, whose keys, agent, <c>known_hosts</c> and configuration count.
    /// </summary>
    /// <param name="pampa">The program.</param>
    /// <param name="name">The node's name, as in <see cref="PampaBuilder.AddNode"/>, which this calls.</param>
    /// <param name="host">The address: a name or an IP address, or a <c>Host</c> of OpenSSH's configuration.</param>
    /// <param name="configure">Says the rest. Default null: OpenSSH's own configuration is all there is to say.</param>
    /// <exception cref="PampaConfigurationException">Everything that is wrong with the settings.</exception>
    public static void AddSshNode(this PampaBuilder pampa, string name, string host, Action<SshNode>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(pampa);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(host);
        var node = new SshNode(name, host);
        configure?.Invoke(node);
        node.Check();
        pampa.AddNode(name, node.Workers, node.Limits);
        NodesOf(pampa).Add(node);
    }

    private static List<SshNode> NodesOf(PampaBuilder pampa)
    {
        if (pampa.Properties.TryGetValue(typeof(SshNode), out var found)) return (List<SshNode>)found;
        var nodes = new List<SshNode>();
        pampa.Properties[typeof(SshNode)] = nodes;
        pampa.AddVerb(context => NodesVerb.Create(context, pampa, nodes));
        return nodes;
    }
}
